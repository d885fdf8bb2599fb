package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Start starts the poller. It is called anew after a process failed.
type Start func() (*Process, error)

// Process is a poller that was started. The runner reads and writes from two
// goroutines, which End must set free.
type Process struct {
	Stdin  io.WriteCloser
	Stdout io.Reader

	// Exited is closed once the process is gone.
	Exited <-chan struct{}

	// End ends the process and all that it started, if they are still there,
	// unblocks whoever reads Stdout or writes Stdin, and says how the process
	// ended. It returns soon and may be called twice.
	End func() Exit
}

// Exit is how a process ended.
type Exit struct {
	Code   int    // the exit code, -1 for a signal
	State  string // in words, such as "exit status 3"; empty if End had to end it
	Stderr string // the last of what it wrote there
}

// maxLine is the longest line that a poller may answer with. Answers take less
// than a thousandth of it.
const maxLine = 1 << 20

// link is the connection to one process: lines come in on a channel that holds
// one, so a poller that floods waits for the runner, and no line grows beyond
// maxLine.
type link struct {
	process *Process
	lines   chan []byte
	broken  error         // why lines was closed
	done    chan struct{} // closed when nobody receives any more
}

func newLink(process *Process) *link {
	l := &link{process: process, lines: make(chan []byte, 1), done: make(chan struct{})}
	go l.read()
	return l
}

func (l *link) read() {
	defer close(l.lines)
	scanner := bufio.NewScanner(l.process.Stdout)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		select {
		case l.lines <- []byte(scanner.Text()):
		case <-l.done:
			return
		}
	}
	l.broken = scanner.Err()
}

var (
	errEnded    = errors.New("ends its output instead of answering")
	errTimeout  = errors.New("does not answer in time")
	errTooLong  = fmt.Errorf("answers with a line longer than %d bytes", maxLine)
	errNoReader = errors.New("does not read its input")
)

// receive returns the next line.
func (l *link) receive(ctx context.Context, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case line, ok := <-l.lines:
		if ok {
			return line, nil
		}
		if errors.Is(l.broken, bufio.ErrTooLong) {
			return nil, errTooLong
		}
		return nil, errEnded
	case <-ctx.Done():
		return nil, errTimeout
	}
}

// send writes a line. A poller that does not read it lets the write hang; End
// sets it free.
func (l *link) send(line []byte) <-chan error {
	written := make(chan error, 1)
	go func() {
		_, err := l.process.Stdin.Write(append(line, '\n'))
		written <- err
	}()
	return written
}

// exchange sends a line and returns the answer.
func (l *link) exchange(ctx context.Context, line []byte, timeout time.Duration) ([]byte, error) {
	select {
	case early, ok := <-l.lines:
		if ok {
			return nil, fmt.Errorf("writes a line that nobody asked for: %s", excerpt(early))
		}
	default:
	}
	written := l.send(line)
	answer, err := l.receive(ctx, timeout)
	if errors.Is(err, errTimeout) {
		select {
		case failed := <-written:
			if failed == nil {
				return nil, err
			}
		default:
		}
		return nil, fmt.Errorf("%w: %w", errNoReader, err)
	}
	return answer, err
}

// end ends the process and adds to err how it ended by itself.
func (l *link) end(err error) error {
	close(l.done)
	if errors.Is(err, errEnded) {
		// It is most likely on its way out; its exit code is worth a moment.
		select {
		case <-l.process.Exited:
		case <-time.After(200 * time.Millisecond):
		}
	}
	return l.process.End().explain(err)
}

// explain adds to err what the exit says about it.
func (e Exit) explain(err error) error {
	if err == nil {
		return nil
	}
	if e.State != "" {
		err = fmt.Errorf("%w (%s)", err, e.State)
	}
	if stderr := strings.TrimSpace(e.Stderr); stderr != "" {
		err = fmt.Errorf("%w; stderr: %s", err, stderr)
	}
	return err
}
