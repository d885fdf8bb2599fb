package render

// KubeletExpand is for tests of the whole way from configuration to container.
var KubeletExpand = kubeletExpand
