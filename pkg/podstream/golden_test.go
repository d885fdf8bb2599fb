package podstream

import (
	"fmt"
	"strings"
	"testing"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap/phasemaptest"
)

// A Pod that came through a stream gets the phase that the suite asks for: no
// field that a rule reads is missing here, not even of a Pod that no typed
// client decodes.
func TestReadGolden(t *testing.T) {
	answer := func(r phasemaptest.Request) any {
		list := fmt.Sprintf(`{"kind":"PodList","items":[%s]}`, r.Pod)
		for obj, err := range Read(strings.NewReader(list)) {
			if err != nil && string(r.Pod) != "null" {
				return err
			}
			return obj.Map(r.Options, r.Now)
		}
		return phasemap.Status{}
	}
	phasemaptest.Run(t, answer, golden.Core, golden.Rules, golden.Clock, golden.RawJSON)
}
