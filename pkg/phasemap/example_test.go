package phasemap_test

import (
	"fmt"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

func ExampleMapJSON() {
	pod := []byte(`{
		"metadata": {"name": "reviewer", "creationTimestamp": "2026-09-01T11:50:00Z"},
		"spec": {"containers": [{"name": "agent"}], "nodeName": "n1"},
		"status": {"phase": "Pending", "containerStatuses": [{"name": "agent",
			"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"agent:2\""}}}]}
	}`)
	for _, clock := range []string{"11:51:00", "12:00:00"} {
		now, _ := time.Parse(time.RFC3339, "2026-09-01T"+clock+"Z")
		st, _ := phasemap.MapJSON(pod, phasemap.Options{}, now)
		fmt.Println(clock, st.Phase, st.Rule, st.Reason, st.Message)
		if st.Hint.Text != "" {
			fmt.Println(st.Hint.Text)
		}
	}
	// Output:
	// 11:51:00 provisioning PM441 ImagePullRetrying Back-off pulling image "agent:2"
	// 12:00:00 error PM442 ImagePullFailed Back-off pulling image "agent:2"
	// Check the image, its tag, the pull secret and the registry.
}

func ExampleOptions() {
	// 0 is at once; what is not named has its default.
	opts := phasemap.Options{ImagePullGrace: new(phasemap.Seconds(0)), Autoscaling: true}
	fmt.Println(opts.Validate())
	// Output: <nil>
}
