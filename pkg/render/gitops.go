package render

import "github.com/scion-gen/scion-gen/pkg/manifest"

// The GitOps tools that manifests can be made for.
const (
	gitOpsArgoCD = "ArgoCD"
	gitOpsFlux   = "Flux"
)

// gitOps are the annotations that an agent's object needs under the fleet's
// GitOps tool. text says that the object is none that runs, and only carries
// texts.
//
// Argo CD: a changed Pod or Job is deleted and made anew, for nearly all of
// their fields are immutable, and a bare pod that runs and never restarts
// counts as healthy, not as progressing. The price: whenever the object is
// synced, the agent loses its session.
//
// Flux: the same by force, which Flux does only when the API refuses the
// change; and no substitution of ${NAME} in a task (kustomize-controller's
// postBuild).
func (a *agent) gitOps(text bool) *manifest.Node {
	out := object()
	p := a.config.defaults.root.At("spec", "gitops")
	set := func(key, text string) { out.Set(key, at(p.Pos, value(text))) }
	immutable := !text && (a.workload() == workloadPod || a.workload() == workloadJob)
	switch a.config.fleet.Spec.GitOps {
	case gitOpsArgoCD:
		if immutable {
			set("argocd.argoproj.io/sync-options", "Force=true,Replace=true")
		}
		if !text && a.workload() == workloadPod {
			set("argocd.argoproj.io/ignore-restart-policy", "true")
		}
	case gitOpsFlux:
		if immutable {
			set("kustomize.toolkit.fluxcd.io/force", "enabled")
		}
		set("kustomize.toolkit.fluxcd.io/substitute", "disabled")
	}
	return out
}
