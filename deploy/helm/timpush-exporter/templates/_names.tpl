{{- define "timpush.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 52 characters: the controller adds a hash of 10 to a label that has 63 at most. */}}
{{- define "timpush.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "timpush.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "timpush.selector" -}}
app.kubernetes.io/name: {{ include "timpush.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of one StatefulSet of several, whose selectors must not meet. Takes a list of context and replica. */}}
{{- define "timpush.setSelector" -}}
{{- $context := index . 0 -}}
{{- include "timpush.selector" $context }}
{{- if ne (include "timpush.sets" $context) "1" }}
timpush-exporter/replica: {{ index . 1 | quote }}
{{- end -}}
{{- end -}}

{{/* Of the same. Two characters shorter than the others, for its number. */}}
{{- define "timpush.setName" -}}
{{- $context := index . 0 -}}
{{- $name := include "timpush.fullname" $context -}}
{{- if ne (include "timpush.sets" $context) "1" -}}
{{- printf "%s-%d" ($name | trunc 50 | trimSuffix "-") (int (index . 1)) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{- define "timpush.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "timpush.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: exporter
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "timpush.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "timpush.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "timpush.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "timpush.configMap" -}}
{{- default (include "timpush.fullname" .) .Values.existingConfigMap -}}
{{- end -}}
