package phasemap

import (
	"cmp"
	"slices"
)

// Rule describes one entry of the decision table.
type Rule struct {
	// ID is PM and three digits, or RC and two for the rules of Reconcile. It
	// never gets another meaning.
	ID string `json:"id"`
	// Name is a CamelCase word, one a rule: the reason, where that is the rule's own.
	Name string `json:"name"`
	// Phases are those that the rule can give.
	Phases []Phase `json:"phases"`
	// Reason is empty where the rule keeps that of another.
	Reason    string `json:"reason,omitempty"`
	Terminal  bool   `json:"terminal"`
	Retryable bool   `json:"retryable"`
	Hint      Hint   `json:"hint,omitzero"`
	// Since is the version of the golden suite that brought the rule.
	Since string `json:"since"`
	// Doc says what the rule means and why it is so.
	Doc string `json:"doc"`
	// Source names what of Kubernetes or Scion it rests on.
	Source string `json:"source"`
	// Conditions are the rows of the table with this rule, in order; one is enough.
	Conditions []Condition `json:"conditions"`
}

// Condition is one row of the decision table.
type Condition struct {
	Phases []Phase  `json:"phases"`           // what it can give
	Phrase string   `json:"phrase,omitempty"` // on what that depends, if it can give several
	When   []string `json:"when"`             // all of these hold; none means always
	Unless []string `json:"unless,omitempty"` // and none of these
}

// Rules returns every rule in the order in which they are asked: those of Map,
// those that only MapAbsent has, those of Reconcile. A rule that is asked twice
// stands where it is asked first. The result is the caller's.
func Rules() []Rule {
	var rules []Rule
	for _, r := range table.rows() {
		i := slices.IndexFunc(rules, func(rule Rule) bool { return rule.ID == r.ID })
		if i < 0 {
			i = len(rules)
			rules = append(rules, describe(r.Rule))
		}
		condition := Condition{When: r.when.texts(), Unless: r.unless.texts()}
		condition.Phases, condition.Phrase = phases(r.phase)
		rules[i].Conditions = append(rules[i].Conditions, condition)
		for _, p := range condition.Phases {
			if !slices.Contains(rules[i].Phases, p) {
				rules[i].Phases = append(rules[i].Phases, p)
			}
		}
	}
	return rules
}

// describe fills in what a row leaves out because it is the same for most.
func describe(r Rule) Rule {
	r.Name = cmp.Or(r.Name, r.Reason)
	r.Since = cmp.Or(r.Since, "1.0.0")
	return r
}

// phases returns what a row can give, and on what that depends.
func phases(p Phase) (list []Phase, phrase string) {
	switch p {
	case byDisruption:
		return []Phase{Stopped, Error}, "as disruptionPhase says"
	case byVanished:
		return []Phase{Stopped, Error}, "as vanishedPhase says"
	case asDisrupted:
		return []Phase{Stopped, Error}, "that of the disruption"
	case asOutcome:
		return []Phase{Stopped, Error}, "the last"
	case asLast:
		return Phases(), "the last"
	case asPod:
		return Phases(), "the Pod's"
	case asSelf:
		return []Phase{Provisioning, Cloning, Starting}, "the reported"
	default:
		return []Phase{p}, ""
	}
}

// linked is the decision table as it is asked.
type linked struct{ pod, absent, reconcile sections }

// link gives the further rows of a rule what its first row says.
func link(t tables) linked {
	first := map[string]Rule{}
	for _, rows := range [][]row{t.pod, t.absent, t.reconcile} {
		for i := range rows {
			if rule, known := first[rows[i].ID]; known {
				rows[i].Rule = rule
			} else {
				first[rows[i].ID] = rows[i].Rule
			}
		}
	}
	return linked{cut(t.pod), cut(t.absent), cut(t.reconcile)}
}

func (l linked) rows() []row { return slices.Concat(l.pod.rows(), l.absent.rows(), l.reconcile.rows()) }
