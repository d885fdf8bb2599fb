package phasemap

// section is a run of rows that have a need in common, such as that the agent is
// done. Most of the table is not about the Pod at hand: a look at what a section
// needs passes over all its rows.
type section struct {
	need facts
	rows []row
}

// sections hold a list of rows in its order.
type sections []section

// cut puts each row into the section before it, if something is left that all
// its rows need, else into a section of its own.
func cut(rows []row) sections {
	var list sections
	for _, r := range rows {
		if n := len(list); n > 0 {
			last := &list[n-1]
			if need := last.need.and(r.when); need != (facts{}) {
				last.need, last.rows = need, append(last.rows, r)
				continue
			}
		}
		list = append(list, section{r.when, []row{r}})
	}
	return list
}

func (list sections) rows() []row {
	var rows []row
	for _, s := range list {
		rows = append(rows, s.rows...)
	}
	return rows
}

// decide returns the first row that holds. There always is one, as the last row
// of each list asks nothing.
func (list sections) decide(f *facts) *row {
	for i := range list {
		s := &list[i]
		if !f.all(&s.need) {
			continue
		}
		for j := range s.rows {
			if r := &s.rows[j]; f.all(&r.when) && !f.any(&r.unless) {
				return r
			}
		}
	}
	last := list[len(list)-1].rows
	return &last[len(last)-1]
}
