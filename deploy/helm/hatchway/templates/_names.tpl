{{- define "hatchway.name" -}}
{{- if contains "hatchway" .Release.Name }}{{ .Release.Name }}{{ else }}{{ printf "%s-hatchway" .Release.Name }}{{ end }}
{{- end }}

{{- define "hatchway.selector" -}}
app.kubernetes.io/name: hatchway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hatchway.labels" -}}
{{ include "hatchway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* Cluster-wide objects of two installations must not have the same name. */ -}}
{{- define "hatchway.clusterName" -}}
{{- if eq .Release.Namespace (include "hatchway.name" .) }}{{ .Release.Namespace }}{{ else }}{{ printf "%s-%s" .Release.Namespace (include "hatchway.name" .) }}{{ end }}
{{- end }}
