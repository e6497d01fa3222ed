{{/* Name of the release's objects; short enough for a suffix. */}}
{{- define "cloudphone.fullname" -}}
{{- default (printf "%s-operator" .Release.Name) .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "cloudphone.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "cloudphone.labels" -}}
{{ include "cloudphone.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "cloudphone.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "cloudphone.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is empty; expected the name of a ServiceAccount, because serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* An image's reference. Takes a list: the values of the image, and the root context. */}}
{{- define "cloudphone.image" -}}
{{- $image := index . 0 }}
{{- $root := index . 1 }}
{{- $registry := default $root.Values.image.registry $image.registry }}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (ne $registry "") }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default $root.Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}
