package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"
)

// poller answers requests. Whatever error ask returns, it can be asked again.
type poller interface {
	hello() Hello
	ask(context.Context, request) (reply, error)
	close(context.Context) error // politely
	abandon()
}

// session is a poller in one long-lived process, started again after a fault.
type session struct {
	start                 Start
	timeout, startTimeout time.Duration
	suite                 string

	said Hello
	link *link // nil if there is no process
	seq  int
}

func (s *session) hello() Hello { return s.said }

func (s *session) connect(ctx context.Context) error {
	process, err := s.start()
	if err != nil {
		return err
	}
	s.link = newLink(process)
	line, err := s.link.exchange(ctx, encode(request{"cmd": "hello", "protocol": Protocol, "suite": s.suite}), s.startTimeout)
	if err == nil {
		s.said, err = helloOf(line)
	}
	return s.fault(err)
}

func (s *session) restart(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("started again, hello: %w", err)
	}
	return nil
}

// fault ends the process if there is an error.
func (s *session) fault(err error) error {
	if err == nil {
		return nil
	}
	err = s.link.end(err)
	s.link = nil
	return err
}

func (s *session) ask(ctx context.Context, r request) (reply, error) {
	if s.link == nil {
		if err := s.restart(ctx); err != nil {
			return reply{}, err
		}
	}
	s.seq++
	numbered := maps.Clone(r)
	numbered["seq"] = s.seq
	line, err := s.link.exchange(ctx, encode(numbered), s.timeout)
	if err != nil {
		return reply{}, s.fault(err)
	}
	answer, err := replyOf(line, s.seq)
	return answer, s.fault(err)
}

// close says stop, and expects no more output and an end with code 0.
func (s *session) close(ctx context.Context) error {
	if s.link == nil {
		if err := s.restart(ctx); err != nil {
			return err
		}
	}
	written := s.link.send(encode(request{"cmd": "stop"}))
	line, err := s.link.receive(ctx, s.timeout)
	switch {
	case err == nil:
		return s.fault(fmt.Errorf("writes a line that nobody asked for: %s", excerpt(line)))
	case !errors.Is(err, errEnded):
		return s.fault(errors.New("goes on after stop"))
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	select {
	case <-s.link.process.Exited:
	case <-ctx.Done():
		return s.fault(errors.New("goes on after stop"))
	}
	if err := <-written; err != nil {
		return s.fault(errNoReader)
	}
	exit := s.link.process.End()
	if exit.Code != 0 {
		return s.fault(errors.New("fails after stop"))
	}
	s.abandon()
	return nil
}

func (s *session) abandon() {
	if s.link != nil {
		s.link.end(nil)
		s.link = nil
	}
}

// oneShot is a poller that is started for each request: the request on stdin,
// the result on stdout, exit code 0, or 2 for input that it rejects.
type oneShot struct {
	start   Start
	timeout time.Duration
}

func (*oneShot) hello() Hello                { return Hello{Name: "single-shot poller"} }
func (*oneShot) close(context.Context) error { return nil }
func (*oneShot) abandon()                    {}

func (o *oneShot) ask(ctx context.Context, r request) (reply, error) {
	process, err := o.start()
	if err != nil {
		return reply{}, err
	}
	numbered := maps.Clone(r)
	numbered["seq"] = 1
	output, err := o.output(ctx, process, encode(numbered))
	exit := process.End()
	switch {
	case err != nil:
		return reply{}, exit.explain(err)
	case exit.Code == 2:
		return reply{kind: rejected, text: strings.TrimSpace(exit.Stderr)}, nil
	case exit.Code != 0:
		return reply{}, exit.explain(errors.New("crashes"))
	}
	result, err := object(output)
	if err != nil {
		return reply{}, fmt.Errorf("answers with what is no JSON object: %w: %s", err, excerpt(output))
	}
	return reply{kind: answered, result: result}, nil
}

// output writes the request and collects what comes back until the process is
// gone and has closed its output.
func (o *oneShot) output(ctx context.Context, process *Process, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	go func() {
		process.Stdin.Write(append(request, '\n')) // a poller that need not read all of it may answer all the same
		process.Stdin.Close()
	}()
	read := make(chan []byte, 1)
	go func() {
		output, _ := io.ReadAll(io.LimitReader(process.Stdout, maxLine+1))
		read <- output
	}()
	select {
	case output := <-read:
		if len(output) > maxLine {
			return nil, errTooLong
		}
		select {
		case <-process.Exited:
			return output, nil
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return nil, errTimeout
}

// encode writes a request. All that is in one comes from JSON, so it can be.
func encode(r request) []byte {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return line
}
