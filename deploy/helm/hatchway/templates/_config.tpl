{{- /* hatchway.yaml: what the chart has to know itself, and everything else from `config` as it is. */ -}}
{{- define "hatchway.config" -}}
{{- $environments := list }}
{{- if .Values.cluster.enabled }}
{{- $own := dict "id" .Values.cluster.id "kind" "kubernetes" }}
{{- if .Values.cluster.namespaces }}{{ $_ := set $own "namespaces" .Values.cluster.namespaces }}{{ end }}
{{- if .Values.cluster.impersonate.enabled }}
{{- $groups := .Values.cluster.impersonate.groups }}
{{- /* The gateway passes on those groups of a person that its account may impersonate: with any other one it would be refused. */ -}}
{{- $_ := set $own "impersonate" (ternary true (dict "groups" $groups) (eq (toJson $groups) "[\"*\"]")) }}
{{- end }}
{{- $environments = append $environments $own }}
{{- end }}
{{- $environments = concat $environments .Values.environments }}
{{- if not $environments }}{{ fail "There is nothing to debug: set cluster.enabled, or name environments." }}{{ end }}
{{- $chart := dict
  "listen" (dict "host" "0.0.0.0" "port" 8080)
  "publicUrl" .Values.publicUrl
  "dataDir" "/var/lib/hatchway"
  "environments" $environments
  "policy" "./policy.yaml" }}
{{- merge $chart .Values.config | toYaml }}
{{- end }}

{{- define "hatchway.policy" -}}
{{- $issuers := dig "auth" "issuers" list .Values.config }}
{{- $provider := dig "auth" "oidc" dict .Values.config }}
{{- $own := list (dict
  "name" "the gateway itself is not a target"
  "who" (dict "everyone" true)
  "actions" (list "open" "run")
  "where" (dict "labels" (dict "app.kubernetes.io/name" "hatchway"))
  "effect" "deny") }}
{{- $rules := .Values.policy.rules }}
{{- if not $rules }}
{{- if or $issuers $provider }}{{ fail "config.auth lets people in: say in policy.rules what they may do." }}{{ end }}
{{- $rules = list (dict
  "name" "whoever has the link of the log"
  "who" (dict "subjects" (list "local"))
  "actions" (list "list" "open" "watch" "terminate" "run" "read-recording" "read-audit")
  "copies" .Values.cluster.debugCopies
  "effect" "allow") }}
{{- end }}
{{- dict "rules" (concat $own $rules) | toYaml }}
{{- end }}
