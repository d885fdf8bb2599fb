package phasemap

// Rule describes one entry of the decision table.
type Rule struct {
	ID   string `json:"id"`   // PM and three digits, or RC and two for Reconcile; never used again for another rule
	Name string `json:"name"` // a few words for people
	// Phases are those that the rule can give.
	Phases    []Phase `json:"phases"`
	Reason    string  `json:"reason,omitempty"` // empty if the rule keeps that of another
	Terminal  bool    `json:"terminal"`
	Retryable bool    `json:"retryable"`
	Hint      Hint    `json:"hint,omitzero"`
	Since     string  `json:"since"`  // the version of the golden suite that brought it
	Doc       string  `json:"doc"`    // what it says and why
	Source    string  `json:"source"` // the behaviour of Kubernetes or Scion behind it
}

// Rules returns every rule in the order in which they are asked, those of Map
// first, then those of MapAbsent and Reconcile. The slice is the caller's.
func Rules() []Rule { return nil }
