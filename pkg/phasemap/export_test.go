package phasemap

import "slices"

// RowIDs returns the rule of each row of the whole table, in order.
func RowIDs() []string {
	var ids []string
	for _, r := range table.rows() {
		ids = append(ids, r.ID)
	}
	return ids
}

// WithoutRow calls f while the i-th row of the whole table is missing.
func WithoutRow(i int, f func()) {
	whole := table
	defer func() { table = whole }()
	for _, list := range []*sections{&table.pod, &table.absent, &table.reconcile} {
		rows := list.rows()
		if i < len(rows) {
			*list = cut(slices.Delete(rows, i, i+1))
			break
		}
		i -= len(rows)
	}
	f()
}

// Reasons returns every reason that the table knows by name.
func Reasons() []string {
	return slices.Concat(
		rejections, rejectionsForGood, imageReasonsForGood, imagePullReasons, startReasons,
		[]string{reasonCrashLoop, reasonLost, reasonNodeLost, reasonOOMKilled, "CreateContainerConfigError"},
		[]string{"ContainerCreating", "PodInitializing", "RestartingAllContainers", "DeadlineExceeded"},
		[]string{"Preempting", "Terminated", "Shutdown", "Evicted", "PreemptionByScheduler", "DeletionByPodGC"},
		[]string{"SchedulingGated", "Unschedulable", "SchedulerError"},
	)
}
