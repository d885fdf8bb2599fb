package overlay

import "bytes"

// documents cuts a YAML stream at the lines that are "---". A line of that kind
// cannot be part of a value: YAML has no scalar that could hold it.
func documents(data []byte) [][]byte {
	var docs [][]byte
	start := 0
	for at := 0; at < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if string(bytes.TrimRight(data[at:end], " \t\r\n")) == "---" {
			docs = append(docs, data[start:at])
			start = end
		}
		at = end
	}
	return append(docs, data[start:])
}
