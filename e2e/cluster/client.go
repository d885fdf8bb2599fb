package cluster

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Client speaks JSON over HTTP to the API server, and knows no types: what a
// manifest says is what is sent, byte for byte.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// Request is one request. A zero Method is GET, a zero Type JSON.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	Type   string // of the body
	Body   []byte
}

// Answer is what the server said to a request that it granted.
type Answer struct {
	Body     []byte
	Warnings []string // for people, such as those of Pod Security
}

// Refusal is what the server said to a request that it did not grant.
type Refusal struct {
	Code    int
	Reason  string
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Code, r.Reason, r.Message) }

// Refused reports whether err is a Refusal of that code.
func Refused(err error, code int) bool {
	r, ok := errors.AsType[*Refusal](err)
	return ok && r.Code == code
}

// As returns a client that shows this token.
func (c *Cluster) As(token string) (*Client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.ca) {
		return nil, errors.New("no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16}
	base := fmt.Sprintf("https://127.0.0.1:%d", c.port)
	return &Client{base, token, &http.Client{Transport: transport}}, nil
}

// Do sends a request and reads the answer. The error is a *Refusal if the
// server gave one.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	response, err := c.open(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	if response.StatusCode >= 300 {
		refusal := &Refusal{Message: string(body)}
		json.Unmarshal(body, refusal) // what is no Status is its own message
		refusal.Code = response.StatusCode
		return Answer{}, refusal
	}
	return Answer{body, response.Header.Values("Warning")}, nil
}

// Into sends a request and decodes the answer.
func (c *Client) Into(ctx context.Context, r Request, into any) error {
	answer, err := c.Do(ctx, r)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer.Body, into)
}

func (c *Client) open(ctx context.Context, r Request) (*http.Response, error) {
	target := c.base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodGet), target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", cmp.Or(r.Type, "application/json"))
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(request)
}
