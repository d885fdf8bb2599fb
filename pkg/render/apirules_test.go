package render

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// TestAPIRules: what the API server refuses of a pod, by the fields of its spec.
func TestAPIRules(t *testing.T) {
	const sidecar = "containers: [{name: side, image: i, securityContext: {allowPrivilegeEscalation: false}, "
	tests := []struct{ spec, want string }{
		{`volumes: [{name: v, emptyDir: {sizeLimit: -1}}]`, `spec.pod.spec.volumes[0].emptyDir.sizeLimit: -1 is negative; write 0 or more`},
		{`volumes: [{name: v, configMap: {name: c, defaultMode: 644}}]`, `spec.pod.spec.volumes[0].configMap.defaultMode: 644 is out of range; write a number from 0 to 511, or 420 if the mode is 0644, in octal`},
		{`volumes: [{name: v, configMap: {name: c, defaultMode: 999}}]`, `spec.pod.spec.volumes[0].configMap.defaultMode: 999 is out of range; write a number from 0 to 511`},
		{`volumes: [{name: v, configMap: {items: [{key: k, path: ../p}]}}]`, `spec.pod.spec.volumes[0].configMap.items[0].path: "../p" is not a relative path without ..; write one such as data/files`},
		{`volumes: [{name: v, secret: {secretName: ""}}]`, `spec.pod.spec.volumes[0].secret.secretName: "" is not a name: 1 to 253 lowercase letters, digits and inner - and .`},
		{`volumes: [{name: v, hostPath: {path: /a/../b, type: Folder}}]`, strings.Join([]string{
			`spec.pod.spec.volumes[0].hostPath.path: "/a/../b" has a ..; write the path without`,
			`spec.pod.spec.volumes[0].hostPath.type: "Folder" is not one of DirectoryOrCreate, Directory, FileOrCreate, File, Socket, CharDevice, BlockDevice`,
		}, "\n")},
		{`volumes: [{name: v, nfs: {server: s, path: p}}]`, `spec.pod.spec.volumes[0].nfs.path: "p" is not an absolute path; start it with /`},
		{`volumes: [{name: v, nfs: {path: /p}}]`, `spec.pod.spec.volumes[0].nfs: server is missing; add it`},
		{`volumes: [{name: v, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: spec.nodeName}}]}}]`, `spec.pod.spec.volumes[0].downwardAPI.items[0].fieldRef: "spec.nodeName" is not a field that a file can have; the fields are metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations, metadata.labels['<name>'], metadata.annotations['<name>']`},
		{`volumes: [{name: v, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: "metadata.labels['a']"}}]}}]`, ""},
		{`volumes: [{name: v, downwardAPI: {items: [{path: p, resourceFieldRef: {resource: limits.cpu}}]}}]`, `spec.pod.spec.volumes[0].downwardAPI.items[0].resourceFieldRef: names no container; add containerName`},
		{`volumes: [{name: v, downwardAPI: {items: [{path: p}]}}]`, `spec.pod.spec.volumes[0].downwardAPI.items[0]: says nothing; add one of fieldRef, resourceFieldRef`},
		{`volumes: [{name: v, projected: {sources: [{secret: {name: s, items: [{key: k, path: p}]}}, {configMap: {name: c, items: [{key: k, path: p}]}}]}}]`, `spec.pod.spec.volumes[0].projected.sources: writes "p" twice; change one path`},
		{`volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 60}}]}}]`, `spec.pod.spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: 60 is out of range; write a number from 600 to 4294967296`},
		{`volumes: [{name: v, projected: {sources: [{clusterTrustBundle: {path: p, name: n, signerName: example.com/s}}]}}]`, `spec.pod.spec.volumes[0].projected.sources[0].clusterTrustBundle.signerName: cannot stand beside name; remove one of the two`},
		{`volumes: [{name: v, projected: {sources: [{clusterTrustBundle: {path: p, name: n, labelSelector: {}}}]}}]`, `spec.pod.spec.volumes[0].projected.sources[0].clusterTrustBundle.labelSelector: cannot stand beside name; remove one of the two`},
		{`volumes: [{name: v, projected: {sources: [{podCertificate: {signerName: example.com/s, keyType: RSA}}]}}]`, `spec.pod.spec.volumes[0].projected.sources[0].podCertificate.keyType: "RSA" is not one of RSA3072, RSA4096, ECDSAP256, ECDSAP384, ECDSAP521, ED25519`},
		{`volumes: [{name: v, projected: {sources: [{podCertificate: {signerName: s, keyType: ED25519, keyPath: p}}]}}]`, `spec.pod.spec.volumes[0].projected.sources[0].podCertificate.signerName: "s" is not the name of a signer; write one such as example.com/name`},
		{`volumes: [{name: v, csi: {driver: a_b}}]`, `spec.pod.spec.volumes[0].csi.driver: "a_b" is not the name of a CSI driver: at most 63 letters, digits and inner - and .`},
		{`volumes: [{name: v, fc: {targetWWNs: [a]}}]`, `spec.pod.spec.volumes[0].fc: lun is missing; targetWWNs needs it`},
		{`volumes: [{name: v, fc: {targetWWNs: [a], lun: 256}}]`, `spec.pod.spec.volumes[0].fc.lun: 256 is out of range; write a number from 0 to 255`},
		{`volumes: [{name: v, fc: {targetWWNs: [a], wwids: [b]}}]`, `spec.pod.spec.volumes[0].fc.wwids: cannot stand beside targetWWNs; remove one of the two`},
		{`volumes: [{name: v, fc: {}}]`, `spec.pod.spec.volumes[0].fc: says nothing; add targetWWNs or wwids`},
		{`volumes: [{name: v, flocker: {datasetName: a, datasetUUID: b}}]`, `spec.pod.spec.volumes[0].flocker.datasetUUID: cannot stand beside datasetName; remove one of the two`},
		{`volumes: [{name: v, iscsi: {targetPortal: p, iqn: x, lun: 0}}]`, `spec.pod.spec.volumes[0].iscsi.iqn: "x" is not the name of an iSCSI node, such as iqn.2015-02.example.com:test`},
		{`volumes: [{name: v, iscsi: {targetPortal: p, iqn: iqn.2015-02.example.com:t, lun: 0, chapAuthSession: true}}]`, `spec.pod.spec.volumes[0].iscsi.chapAuthSession: needs secretRef beside it; add it`},
		{`volumes: [{name: v, azureDisk: {diskName: d, diskURI: /x, kind: Shared}}]`, `spec.pod.spec.volumes[0].azureDisk.diskURI: has to start with https:// where the kind is Shared`},
		{`volumes: [{name: v, quobyte: {registry: r, volume: v}}]`, `spec.pod.spec.volumes[0].quobyte.registry: "r" is not a list of addresses; write host:port, with commas between them`},
		{`volumes: [{name: v, flexVolume: {driver: d, options: {kubernetes.io/x: y}}}]`, `spec.pod.spec.volumes[0].flexVolume.options[kubernetes.io/x]: "kubernetes.io/x" is of Kubernetes' own domain; remove it`},
		{`volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 0}}}}}}]`, `spec.pod.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests.storage: 0 is not more than 0; write a larger one`},
		{`volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [], resources: {}}}}}]`, strings.Join([]string{
			`spec.pod.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: accessModes is missing; add it`,
			`spec.pod.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources: requests is missing; add it`,
			`spec.pod.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources: asks for no storage; add requests: {storage: 10Gi}`,
		}, "\n")},
		{`volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOncePod, ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}]`, `spec.pod.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: ReadWriteOncePod cannot stand beside others; remove them`},
		{`volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [Once], resources: {requests: {storage: 1Gi}}, dataSource: {kind: VolumeSnapshot, name: s}}}}}]`, `spec.pod.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes[0]: "Once" is not one of ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod`},
		{`volumes: [{name: v, ephemeral: {}}]`, `spec.pod.spec.volumes[0].ephemeral: volumeClaimTemplate is missing; add it`},
		{sidecar + `resources: {limits: {hugepages-2Mi: 3Mi}, requests: {hugepages-2Mi: 3Mi}}}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].resources.limits.hugepages-2Mi: 3Mi is no multiple of the pages' size, 2Mi; write one`,
			`spec.pod.spec.containers[0].resources.requests.hugepages-2Mi: 3Mi is no multiple of the pages' size, 2Mi; write one`,
			`spec.pod.spec.containers[0].resources.requests.hugepages-2Mi: needs cpu or memory beside it; add one`,
		}, "\n")},
		{sidecar + `resources: {limits: {hugepages-2Mi: 4Mi}}}]`, `spec.pod.spec.containers[0].resources.limits.hugepages-2Mi: needs cpu or memory beside it; add one`},
		{sidecar + `resources: {limits: {hugepages-2Mi: 4Mi, cpu: 1}, requests: {hugepages-2Mi: 2Mi}}}]`, `spec.pod.spec.containers[0].resources.requests.hugepages-2Mi: the request and the limit of huge pages have to be equal; write limits: {hugepages-2Mi: 2Mi}`},
		{sidecar + `resources: {limits: {hugepages-big: 4Mi, cpu: 1}}}]`, `spec.pod.spec.containers[0].resources.limits.hugepages-big: hugepages-big names no size of pages; write one such as hugepages-2Mi`},
		{sidecar + `resources: {limits: {example.com/a: 1500m}}}]`, `spec.pod.spec.containers[0].resources.limits[example.com/a]: 1500m is not whole, and an extended resource is counted; write 2`},
		{sidecar + `resources: {limits: {example.com/a: 1}, requests: {example.com/a: 2}}}]`, `spec.pod.spec.containers[0].resources.requests[example.com/a]: the request and the limit of an extended resource have to be equal; write limits: {example.com/a: 2}`},
		{sidecar + `resources: {limits: {gpu: 1, storage: 1Gi, requests.example.com/a: 1}}}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].resources.limits.gpu: "gpu" is not a resource of a container; write cpu, memory, ephemeral-storage, hugepages-<size>, or a device's with its domain, such as nvidia.com/gpu`,
			`spec.pod.spec.containers[0].resources.limits.storage: "storage" is not a resource of a container; write cpu, memory, ephemeral-storage, hugepages-<size>, or a device's with its domain, such as nvidia.com/gpu`,
			`spec.pod.spec.containers[0].resources.limits[requests.example.com/a]: "requests.example.com/a" is not the name of an extended resource; write one such as nvidia.com/gpu`,
		}, "\n")},
		{sidecar + `resources: {claims: [{name: c}]}}]`, `spec.pod.spec.containers[0].resources.claims[0].name: there is no claim "c"; add it to spec.resourceClaims of the patch`},
		{sidecar + `resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]}]`, `spec.pod.spec.containers[0].resizePolicy[0].restartPolicy: a pod with restartPolicy: Never restarts no container; write NotRequired`},
		{sidecar + `resizePolicy: [{resourceName: disk, restartPolicy: NotRequired}]}]`, `spec.pod.spec.containers[0].resizePolicy[0].resourceName: "disk" is not one of cpu, memory`},
		{sidecar + `ports: [{containerPort: 80, name: a}, {containerPort: 81, name: a}]}]`, `spec.pod.spec.containers[0].ports: has the name a twice; rename one`},
		{sidecar + `ports: [{containerPort: 0, hostPort: 70000, name: UPPER, protocol: ICMP}]}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].ports[0].containerPort: 0 is out of range; write a number from 1 to 65535`,
			`spec.pod.spec.containers[0].ports[0].hostPort: 70000 is out of range; write a number from 0 to 65535`,
			`spec.pod.spec.containers[0].ports[0].name: "UPPER" is not the name of a port: at most 15 lowercase letters, digits and inner -, with a letter`,
			`spec.pod.spec.containers[0].ports[0].protocol: "ICMP" is not one of TCP, UDP, SCTP`,
		}, "\n")},
		{sidecar + `ports: [{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 80}]}]`, `spec.pod.spec.containers[0].ports[1].hostPort: 80 is taken by another container port; change one`},
		{sidecar + `terminationMessagePolicy: Stdout, imagePullPolicy: Sometimes, restartPolicy: Unless}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].terminationMessagePolicy: "Stdout" is not one of File, FallbackToLogsOnError`,
			`spec.pod.spec.containers[0].imagePullPolicy: "Sometimes" is not one of Always, IfNotPresent, Never`,
			`spec.pod.spec.containers[0].restartPolicy: "Unless" is not one of Always, OnFailure, Never`,
		}, "\n")},
		{sidecar + `livenessProbe: {}}]`, `spec.pod.spec.containers[0].livenessProbe: says nothing; add one of exec, grpc, httpGet, tcpSocket`},
		{sidecar + `livenessProbe: {exec: {command: []}}}]`, `spec.pod.spec.containers[0].livenessProbe.exec.command: command is missing; add it`},
		{sidecar + `livenessProbe: {exec: {command: [a]}, successThreshold: 2, periodSeconds: -1}}]`, `spec.pod.spec.containers[0].livenessProbe.periodSeconds: -1 is negative; write 0 or more`},
		{sidecar + `readinessProbe: {httpGet: {port: 0, scheme: FTP, httpHeaders: [{name: "a b", value: c}]}, terminationGracePeriodSeconds: 1}}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].readinessProbe.httpGet.port: 0 is out of range; write a number from 1 to 65535`,
			`spec.pod.spec.containers[0].readinessProbe.httpGet.scheme: "FTP" is not one of HTTP, HTTPS`,
			`spec.pod.spec.containers[0].readinessProbe.httpGet.httpHeaders[0].name: "a b" is not the name of an HTTP header: letters, digits and -`,
		}, "\n")},
		{sidecar + `readinessProbe: {tcpSocket: {port: "80 80"}}}]`, `spec.pod.spec.containers[0].readinessProbe.tcpSocket.port: "80 80" is not the name of a port: at most 15 lowercase letters, digits and inner -, with a letter`},
		{sidecar + `lifecycle: {preStop: {sleep: {seconds: 31}}}}]`, `spec.pod.spec.containers[0].lifecycle.preStop.sleep.seconds: 31 is not between 0 and the pod's terminationGracePeriodSeconds, 30; change one`},
		{sidecar + `lifecycle: {postStart: {}, stopSignal: SIGTERM}}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].lifecycle.postStart: says nothing; add one of exec, httpGet, sleep, tcpSocket`,
			`spec.pod.spec.containers[0].lifecycle.stopSignal: needs os: {name: linux} in the pod; add it`,
		}, "\n")},
		{sidecar + `env: [{name: A, valueFrom: {}}]}]`, `spec.pod.spec.containers[0].env[0].valueFrom: says nothing; add one of fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef`},
		{sidecar + `env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.hostname}}}]}]`, `spec.pod.spec.containers[0].env[0].valueFrom.fieldRef: "spec.hostname" is not a field that a variable can have; the fields are metadata.name, metadata.namespace, metadata.uid, spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP, status.podIPs, metadata.labels['<name>'], metadata.annotations['<name>']`},
		{sidecar + `env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1Mi}}}]}]`, `spec.pod.spec.containers[0].env[0].valueFrom.resourceFieldRef: the divisor "1Mi" is not one of 1, 1m`},
		{sidecar + `env: [{name: A, valueFrom: {resourceFieldRef: {resource: cpu}}}]}]`, `spec.pod.spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: "cpu" is not a resource of a container, such as limits.cpu or requests.memory`},
		{sidecar + `env: [{name: A, valueFrom: {configMapKeyRef: {name: C, key: "a b"}}}]}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].env[0].valueFrom.configMapKeyRef.name: "C" is not a name: 1 to 253 lowercase letters, digits and inner - and .; write c`,
			`spec.pod.spec.containers[0].env[0].valueFrom.configMapKeyRef.key: "a b" is not a key: at most 253 letters, digits, -, _ and .`,
		}, "\n")},
		{sidecar + `env: [{name: A, valueFrom: {secretKeyRef: {name: c}}}]}]`, `spec.pod.spec.containers[0].env[0].valueFrom.secretKeyRef: key is missing; add it`},
		{sidecar + `env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: p, key: k}}}]}]`, `spec.pod.spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: there is no emptyDir "v"; add it to spec.volumes of the patch`},
		{sidecar + `envFrom: [{prefix: "a b"}]}]`, `spec.pod.spec.containers[0].envFrom[0].prefix: "a b" is not the start of a variable's name: letters, digits, -, _ and ., no digit first`},
		{sidecar + `volumeMounts: [{name: tmp, mountPath: /x, subPath: /a, recursiveReadOnly: Enabled}]}]`, `spec.pod.spec.containers[0].volumeMounts[0].subPath: "/a" is not a relative path without ..; write one such as data/files`},
		{sidecar + `volumeMounts: [{name: tmp, mountPath: /x, subPath: a, subPathExpr: b}]}]`, `spec.pod.spec.containers[0].volumeMounts[0].subPathExpr: cannot stand beside subPath; remove one of the two`},
		{sidecar + `volumeMounts: [{name: tmp, mountPath: /x, mountPropagation: Bidirectional}]}]`, `spec.pod.spec.containers[0].volumeMounts[0].mountPropagation: Bidirectional is for privileged containers only; write HostToContainer`},
		{sidecar + `volumeDevices: [{name: tmp, devicePath: /dev/x}, {name: none, devicePath: /dev/y}]}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].volumeDevices[0].name: tmp is no claim; a device is a persistentVolumeClaim or ephemeral`,
			`spec.pod.spec.containers[0].volumeDevices[1].name: there is no volume "none"; add it to spec.volumes of the patch`,
		}, "\n")},
		{`containers: [{name: side, image: i, securityContext: {allowPrivilegeEscalation: false, privileged: true, procMount: Unmasked}}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].securityContext.privileged: needs allowPrivilegeEscalation: true beside it; add it`,
			`spec.pod.spec.containers[0].securityContext.procMount: Unmasked needs hostUsers: false in the pod; add it`,
		}, "\n")},
		{`containers: [{name: side, image: i, securityContext: {seccompProfile: {type: Localhost}, appArmorProfile: {type: Unconfined, localhostProfile: p}}}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].securityContext.seccompProfile: localhostProfile is missing; type Localhost needs it`,
			`spec.pod.spec.containers[0].securityContext.appArmorProfile.localhostProfile: is for type Localhost; remove it, or change the type`,
		}, "\n")},
		{sidecar + `livenessProbe: {exec: {command: [a]}, successThreshold: 2}, readinessProbe: {exec: {command: [a]}}}]`, `spec.pod.spec.containers[0].livenessProbe: takes successThreshold 1 only; remove it`},
		{sidecar + `readinessProbe: {exec: {command: [a]}, terminationGracePeriodSeconds: 1}}]`, `spec.pod.spec.containers[0].readinessProbe: ends nothing, and so takes no terminationGracePeriodSeconds; remove it`},
		{sidecar + `restartPolicyRules: [{action: Restart}]}]`, strings.Join([]string{
			`spec.pod.spec.containers[0].restartPolicyRules: needs restartPolicy beside it; add it`,
			`spec.pod.spec.containers[0].restartPolicyRules[0]: exitCodes is missing; add it`,
		}, "\n")},
		{`containers: [{name: side, image: i, securityContext: {runAsUser: -1}}]`, `spec.pod.spec.containers[0].securityContext.runAsUser: -1 is out of range; write a number from 0 to 2147483647`},
		{`containers: [{name: side, image: i, securityContext: {windowsOptions: {}}}]`, `spec.pod.spec.containers[0].securityContext.windowsOptions: is for Windows, and agents run on Linux; remove it`},
		{`initContainers: [{name: agent, image: i}]`, `spec.pod.spec.initContainers[0].name: a container is named agent too; rename one`},
		{`initContainers: [{name: a, image: i, livenessProbe: {exec: {command: [a]}}}]`, `spec.pod.spec.initContainers[0].livenessProbe: is for init containers with restartPolicy: Always; add it, or remove this`},
		{`securityContext: {sysctls: [{name: "a b", value: x}], supplementalGroups: [-1], fsGroupChangePolicy: Never, supplementalGroupsPolicy: All}`, strings.Join([]string{
			`spec.pod.spec.securityContext.sysctls[0].name: "a b" is not the name of a sysctl, such as net.core.somaxconn`,
			`spec.pod.spec.securityContext.supplementalGroups[0]: -1 is out of range; write a number from 0 to 2147483647`,
			`spec.pod.spec.securityContext.fsGroupChangePolicy: "Never" is not one of OnRootMismatch, Always`,
			`spec.pod.spec.securityContext.supplementalGroupsPolicy: "All" is not one of Merge, Strict`,
		}, "\n")},
		{`{hostNetwork: true, securityContext: {sysctls: [{name: net.core.somaxconn, value: "1"}]}}`, `spec.pod.spec.securityContext.sysctls[0].name: net.core.somaxconn would be the host's, whose namespace the pod shares; remove it`},
		{`{hostPID: true, hostUsers: false, shareProcessNamespace: true}`, strings.Join([]string{
			`spec.pod.spec.hostPID: cannot stand beside hostUsers: false; remove one of the two`,
			`spec.pod.spec.shareProcessNamespace: cannot stand beside hostPID; remove one of the two`,
		}, "\n")},
		{`{dnsPolicy: None}`, `spec.pod.spec.dnsPolicy: None needs dnsConfig.nameservers; add them, or write ClusterFirst`},
		{`dnsConfig: {nameservers: [a], searches: ["a b"], options: [{}]}`, strings.Join([]string{
			`spec.pod.spec.dnsConfig.nameservers[0]: "a" is not an IP address; write one such as 10.0.0.1`,
			`spec.pod.spec.dnsConfig.searches[0]: "a b" is not a domain; write one such as svc.cluster.local`,
		}, "\n")},
		{`dnsConfig: {nameservers: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]}`, `spec.pod.spec.dnsConfig.nameservers: has more than 3 entries; remove some`},
		{`{nodeName: n, schedulingGates: [{name: example.com/g}]}`, `spec.pod.spec.nodeName: cannot stand beside schedulingGates; remove one of the two`},
		{`{hostname: a.b, subdomain: A, hostAliases: [{ip: x, hostnames: [a b]}]}`, strings.Join([]string{
			`spec.pod.spec.hostname: "a.b" is not a name: 1 to 63 lowercase letters, digits and inner -; write a-b`,
			`spec.pod.spec.subdomain: "A" is not a name: 1 to 63 lowercase letters, digits and inner -; write a`,
			`spec.pod.spec.hostAliases[0].ip: "x" is not an IP address; write one such as 10.0.0.1`,
			`spec.pod.spec.hostAliases[0].hostnames[0]: "a b" is not a name: 1 to 253 lowercase letters, digits and inner - and .; write a-b`,
		}, "\n")},
		{`{hostnameOverride: a, setHostnameAsFQDN: true}`, `spec.pod.spec.hostnameOverride: cannot stand beside hostNetwork and setHostnameAsFQDN; remove them`},
		{`{terminationGracePeriodSeconds: -1, activeDeadlineSeconds: 0, preemptionPolicy: Always, dnsPolicy: Host}`, strings.Join([]string{
			`spec.pod.spec.terminationGracePeriodSeconds: -1 is negative; write 0 or more`,
			`spec.pod.spec.activeDeadlineSeconds: 0 is out of range; write a number from 1 to 2147483647`,
			`spec.pod.spec.preemptionPolicy: "Always" is not one of PreemptLowerPriority, Never`,
			`spec.pod.spec.dnsPolicy: "Host" is not one of ClusterFirst, ClusterFirstWithHostNet, Default, None`,
		}, "\n")},
		{`{os: {name: windows}, overhead: {gpu: 1}, readinessGates: [{conditionType: "a b"}]}`, strings.Join([]string{
			`spec.pod.spec.os.name: "windows" is not supported; write linux`,
			`spec.pod.spec.overhead.gpu: "gpu" is not a resource of a container; write cpu, memory, ephemeral-storage, hugepages-<size>, or a device's with its domain, such as nvidia.com/gpu`,
			`spec.pod.spec.readinessGates[0].conditionType: "a b" is not the name of a label or annotation: [<DNS name>/]<at most 63 letters, digits and inner -, _ and .>`,
		}, "\n")},
		{`{resources: {requests: {cpu: 1m, ephemeral-storage: 1Gi}, limits: {memory: 1Mi}}}`, strings.Join([]string{
			`spec.resources.limits.memory: 4Gi is more than the pod's limit, 1Mi, at f:14:86; lower it`,
			`spec.pod.spec.resources: ephemeral-storage cannot be a resource of the whole pod; move it to a container`,
			`spec.pod.spec.resources.requests.cpu: 1m is less than what the containers request, 250m; raise it`,
			`spec.pod.spec.resources.requests.ephemeral-storage: 1Gi is less than what the containers request, 10Gi; raise it`,
		}, "\n")},
		{`resourceClaims: [{name: a}]`, `spec.pod.spec.resourceClaims[0]: says nothing; add one of resourceClaimName, resourceClaimTemplateName`},
		{`tolerations: [{key: a, operator: Gt, value: x}]`, `spec.pod.spec.tolerations[0].value: operator Gt compares whole numbers; write one`},
		{`affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: In, values: [b, "b c"]}]}]}}}`, `spec.pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[1].values[1]: "b c" is not a label's value: at most 63 letters, digits and inner -, _ and .`},
		{`affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: a, operator: In, values: ["b c"]}]}}]}}`, ""},
		{`{dnsPolicy: "", tolerations: [{key: a, operator: "", effect: ""}], volumes: [{name: v, image: {reference: i, pullPolicy: ""}}]}`, ""},
		{sidecar + `imagePullPolicy: "", terminationMessagePolicy: "", ports: [{containerPort: 80, protocol: ""}], readinessProbe: {httpGet: {port: 80, scheme: ""}}}]`, ""},
		{`tolerations: [{key: a, value: "a b"}]`, `spec.pod.spec.tolerations[0].value: "a b" is not a label's value: at most 63 letters, digits and inner -, _ and .`},
		{`nodeSelector: {"a b": "c d"}`, strings.Join([]string{
			`spec.pod.spec.nodeSelector[a b]: "a b" is not the name of a label or annotation: [<DNS name>/]<at most 63 letters, digits and inner -, _ and .>`,
			`spec.pod.spec.nodeSelector[a b]: "c d" is not a label's value: at most 63 letters, digits and inner -, _ and .`,
		}, "\n")},
		{`topologySpreadConstraints: [{maxSkew: 0, topologyKey: k, whenUnsatisfiable: ScheduleAnyway, minDomains: 2}]`, `spec.pod.spec.topologySpreadConstraints[0].maxSkew: 0 is not more than 0; write a larger one`},
		{`topologySpreadConstraints: [{maxSkew: 1, topologyKey: k, whenUnsatisfiable: DoNotSchedule, matchLabelKeys: [a]}]`, `spec.pod.spec.topologySpreadConstraints[0].matchLabelKeys: needs labelSelector beside it; add it`},
		{`affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}`, `spec.pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: nodeSelectorTerms is missing; add it`},
		{`affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: k, operator: In}], matchFields: [{key: k, operator: In, values: [a]}]}]}}}`, strings.Join([]string{
			`spec.pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]: values are missing; operator In needs them`,
			`spec.pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields: "k" is not a field of nodes; the only one is metadata.name`,
		}, "\n")},
		{`affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchExpressions: [{key: k, operator: Exists, values: [a]}]}}]}}`, strings.Join([]string{
			`spec.pod.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]: topologyKey is missing; add it`,
			`spec.pod.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].values: says nothing to operator Exists; remove it`,
		}, "\n")},
		{`affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, podAffinityTerm: {topologyKey: t, matchLabelKeys: [a], mismatchLabelKeys: [a], labelSelector: {}}}]}}`, `spec.pod.spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: 0 is out of range; write a number from 1 to 100`},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			config := "apiVersion: gen.scion.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec: {podSecurity: {level: privileged}}\n---\n" +
				"apiVersion: gen.scion.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\nspec:\n  template: generic\n  image: i\n  args: [x]\n  pod:\n    spec: " + block(tt.spec) + "\n"
			if diff := cmp.Diff(tt.want, mistakes(t, config)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// block puts fields that are no flow mapping on a line of their own.
func block(fields string) string {
	if strings.HasPrefix(fields, "{") {
		return fields
	}
	return "\n      " + fields
}

// TestObjectTooLarge: what etcd takes of one object is less than documents that
// are merged can say.
func TestObjectTooLarge(t *testing.T) {
	variables := func(indent, name string, n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "%s%s%d: %s\n", indent, name, i, strings.Repeat("x", 100_000))
		}
		return out.String()
	}
	config := func(n int) string {
		return "apiVersion: gen.scion.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec:\n  defaults:\n    env:\n" + variables("      ", "A", 8) +
			"---\napiVersion: gen.scion.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\nspec:\n  template: claude\n  env:\n" + variables("    ", "B", n)
	}
	if got := mistakes(t, config(7)); got != "" {
		t.Errorf("less than the limit: %s", got)
	}
	const want = "the Pod made here has 16"
	if got := mistakes(t, config(8)); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "a cluster stores at most 1572864; move texts to ConfigMaps of your own") {
		t.Errorf("more than the limit: %q; want %q", got, want)
	}
}

// mistakes are what a configuration is refused for, without the places.
func mistakes(t *testing.T, text string) string {
	t.Helper()
	config, err := Load(builtIn(t), []File{{"f", []byte(text)}})
	if err == nil {
		_, err = config.Render()
	}
	if err == nil {
		return ""
	}
	var lines []string
	for _, line := range strings.Split(err.Error(), "\n") {
		parts := strings.SplitN(line, ": ", 2)
		lines = append(lines, parts[1])
	}
	return strings.Join(lines, "\n")
}

// TestAPITags: every check that a tag names is there, for all that a pod and a
// configuration may have, and every rule is of a type that these have.
func TestAPITags(t *testing.T) {
	seen, checks := map[reflect.Type]bool{}, 0
	var walk func(typ *manifest.Type)
	walk = func(typ *manifest.Type) {
		if typ == nil || seen[typ.Go] {
			return
		}
		seen[typ.Go] = true
		walk(typ.Elem)
		for _, f := range typ.Fields {
			for _, tag := range []string{"format", "keys"} {
				if name := f.Tag.Get(tag); name != "" {
					checks++
					if formats[name] == nil {
						t.Errorf("%s.%s: there is no check %s", typ.Go, f.Name, name)
					}
				}
			}
			walk(f.Type)
		}
	}
	for _, typ := range []*manifest.Type{podType, agentType, fleetType, templateType} {
		walk(typ)
	}
	if checks < 100 {
		t.Errorf("only %d checks", checks)
	}
	for typ := range apiRules {
		if !seen[typ] {
			t.Errorf("there is a rule for %s, which no pod has", typ)
		}
	}
}
