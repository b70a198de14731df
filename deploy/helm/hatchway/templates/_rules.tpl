{{- /* What the gateway's own account has to be allowed. docs/kubernetes.md says what each line is for; a test takes them away one by one. */ -}}
{{- define "hatchway.rules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
{{- if .Values.cluster.debugCopies }}
- apiGroups: [""]
  resources: [pods]
  verbs: [create, delete]
{{- end }}
- apiGroups: [""]
  resources: [pods/ephemeralcontainers]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods/attach]
  verbs: [get, create]
{{- if .Values.cluster.execFallback }}
- apiGroups: [""]
  resources: [pods/exec]
  verbs: [get, create]
{{- end }}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets, replicasets]
  verbs: [get, list, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch]
{{- end }}

{{- /* Of no namespace, so only a ClusterRole can give them. */ -}}
{{- define "hatchway.clusterRules" -}}
{{- if .Values.cluster.impersonate.enabled }}
- apiGroups: [""]
  resources: [users]
  verbs: [impersonate]
{{- with .Values.cluster.impersonate.users }}
  resourceNames: {{ toJson . }}
{{- end }}
- apiGroups: [""]
  resources: [groups]
  verbs: [impersonate]
{{- if ne (toJson .Values.cluster.impersonate.groups) "[\"*\"]" }}
  resourceNames: {{ toJson .Values.cluster.impersonate.groups }}
{{- end }}
{{- end }}
{{- end }}
