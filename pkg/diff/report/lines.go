package report

// line is one line of a line diff: ' ', '-' or '+'.
type line struct {
	mark byte
	text string
}

// maxCells bounds the table of lineDiff; longer texts are shown as a whole.
const maxCells = 1 << 20

// lineDiff is the lines that differ, and one line around them; a line "..."
// stands for those between.
func lineDiff(old, new []string) []line {
	return hunks(allLines(old, new))
}

func allLines(old, new []string) []line {
	var head, tail []line
	for len(old) > 0 && len(new) > 0 && old[0] == new[0] {
		head = append(head, line{' ', old[0]})
		old, new = old[1:], new[1:]
	}
	for len(old) > 0 && len(new) > 0 && old[len(old)-1] == new[len(new)-1] {
		tail = append(tail, line{' ', old[len(old)-1]})
		old, new = old[:len(old)-1], new[:len(new)-1]
	}
	out := append(head, middle(old, new)...)
	for i := len(tail) - 1; i >= 0; i-- {
		out = append(out, tail[i])
	}
	return out
}

// middle compares by the longest common subsequence.
func middle(old, new []string) []line {
	width := len(new) + 1
	size := (len(old) + 1) * width
	var table []int32
	if size <= maxCells {
		table = make([]int32, size)
		for i := len(old) - 1; i >= 0; i-- {
			for j := len(new) - 1; j >= 0; j-- {
				if old[i] == new[j] {
					table[i*width+j] = table[(i+1)*width+j+1] + 1
				} else {
					table[i*width+j] = max(table[(i+1)*width+j], table[i*width+j+1])
				}
			}
		}
	}
	var out []line
	i, j := 0, 0
	for i < len(old) || j < len(new) {
		switch {
		case table != nil && i < len(old) && j < len(new) && old[i] == new[j]:
			out = append(out, line{' ', old[i]})
			i, j = i+1, j+1
		case i < len(old) && (j == len(new) || table == nil || table[(i+1)*width+j] >= table[i*width+j+1]):
			out = append(out, line{'-', old[i]})
			i++
		default:
			out = append(out, line{'+', new[j]})
			j++
		}
	}
	return out
}

// hunks leaves out what is further than one line from any change.
func hunks(all []line) []line {
	near := func(i int) bool {
		for k := max(0, i-1); k <= min(len(all)-1, i+1); k++ {
			if all[k].mark != ' ' {
				return true
			}
		}
		return false
	}
	var out []line
	for i, l := range all {
		switch {
		case near(i):
			out = append(out, l)
		case len(out) > 0 && out[len(out)-1] != line{' ', "..."}:
			out = append(out, line{' ', "..."})
		}
	}
	if n := len(out); n > 0 && out[n-1] == (line{' ', "..."}) {
		out = out[:n-1]
	}
	return out
}
