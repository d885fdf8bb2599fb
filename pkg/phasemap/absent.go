package phasemap

// Absence is what a caller knows about an agent whose Pod does not exist: the
// API server said so. A read that failed is no absence.
type Absence struct {
	Last          *Status  `json:"last"`             // the last Status of the agent; nil if there was none
	StopRequested bool     `json:"stopRequested"`    // somebody asked to stop the agent
	For           *Seconds `json:"absentForSeconds"` // how long it has been absent; nil if unknown
}

// MapAbsent returns the Status of an agent whose Pod is gone.
func MapAbsent(a Absence, opts Options) Status {
	return Status{Phase: Created, Rule: "PM001", Reason: "PodAbsent"}
}
