package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubeconfigs name these
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/pager"
)

// clusterFlags are those of kubectl that say which cluster and as whom.
type clusterFlags struct {
	kubeconfig    string
	overrides     clientcmd.ConfigOverrides
	allNamespaces bool
	timeout       time.Duration
}

func (c *clusterFlags) bind(f *pflag.FlagSet) {
	f.BoolVarP(&c.allNamespaces, "all-namespaces", "A", false, "the agents of all namespaces")
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.ContextOverrideFlags.Namespace.Description = "the agents of this `namespace` (default that of the context)"
	names.Timeout.LongName = "" // it would end a watch too
	clientcmd.BindOverrideFlags(&c.overrides, f, names)
	f.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig `file` (default $KUBECONFIG, ~/.kube/config, or the cluster this runs in)")
	f.DurationVar(&c.timeout, "request-timeout", 30*time.Second, "how long one page of a list may take; 0 is for ever")
	for _, rare := range []string{
		"as", "as-group", "as-uid", "certificate-authority", "client-certificate", "client-key", "disable-compression",
		"insecure-skip-tls-verify", "password", "proxy-url", "tls-server-name", "token", "username",
	} {
		f.MarkHidden(rare)
	}
}

// names are the flags that ask for a cluster.
func (c *clusterFlags) names() []string {
	return []string{
		"all-namespaces", "namespace", "kubeconfig", "context", "cluster", "user", "server", "token", "as",
	}
}

// podClient lists and watches Pods. It knows no other type, so that the command
// need not carry all of them.
type podClient struct {
	rest      *rest.RESTClient
	codec     runtime.ParameterCodec
	namespace string // empty for all
	selector  string
	timeout   time.Duration
}

// pageSize is that of kubectl.
const pageSize = 500

func (r *phaseRun) newPodClient() (*podClient, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = r.cluster.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &r.cluster.overrides)
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) { // whose advice, an environment variable, is for kubectl
		return nil, errors.New("no cluster is configured; name one by --kubeconfig or --server, or give Pods by -f or a pipe")
	}
	if err != nil {
		return nil, err
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, err
	}
	if r.cluster.allNamespaces {
		namespace = metav1.NamespaceAll
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config.APIPath = "/api"
	config.GroupVersion = &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	config.ContentType = runtime.ContentTypeProtobuf
	config.UserAgent = "scion-gen"
	config.QPS = -1 // the server has its own ways to slow clients down
	config.WarningHandler = rest.NewWarningWriter(r.stderr, rest.WarningWriterOptions{Deduplicate: true})
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, err
	}
	return &podClient{client, runtime.NewParameterCodec(scheme), namespace, r.pods.String(), r.cluster.timeout}, nil
}

func (c *podClient) list(ctx context.Context, opts metav1.ListOptions) (*corev1.PodList, error) {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	opts.LabelSelector = c.selector
	list := &corev1.PodList{}
	err := c.rest.Get().Resource("pods").Namespace(c.namespace).VersionedParams(&opts, c.codec).Do(ctx).Into(list)
	return list, err
}

// watch opens a watch, which the server ends after opts.TimeoutSeconds.
func (c *podClient) watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	opts.LabelSelector = c.selector
	opts.Watch = true
	return c.rest.Get().Resource("pods").Namespace(c.namespace).VersionedParams(&opts, c.codec).Watch(ctx)
}

// page lists one page. If the list has expired since the page before, it goes
// on with a newer one from the same place, by the token that the server gives
// for it: what a long list shows is not of one moment anyway.
func (c *podClient) page(ctx context.Context, opts metav1.ListOptions) (*corev1.PodList, error) {
	list, err := c.list(ctx, opts)
	if status, ok := err.(apierrors.APIStatus); ok && opts.Continue != "" && apierrors.IsResourceExpired(err) {
		if token := status.Status().Continue; token != "" {
			opts.Continue = token
			return c.list(ctx, opts)
		}
	}
	return list, err
}

// listCluster shows the agents of a cluster.
func (r *phaseRun) listCluster(ctx context.Context) error {
	client, err := r.newPodClient()
	if err != nil {
		return err
	}
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return client.page(ctx, opts)
	})
	pages.PageSize, pages.PageBufferSize = pageSize, 0
	o := newObserver(r)
	err = pages.EachListItem(ctx, metav1.ListOptions{}, func(obj runtime.Object) error {
		o.take(podEvent{doc: phasemap.Document{Pod: obj.(*corev1.Pod)}}, r.clock.now())
		return nil
	})
	if err != nil {
		r.partial = true
		err = notListed(err)
	}
	return cmp.Or(err, o.end(client.namespace))
}

// notListed says so in the words of the server, which are not to be trusted.
func notListed(err error) error { return errors.New("list Pods: " + oneLine(err.Error())) }
