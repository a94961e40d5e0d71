{{/*
Whether a pod knows its number. Kubernetes labels it from 1.28 on; before, all replicas are
number 0, and poll in step.
*/}}
{{- define "timpush.numbered" -}}
{{- if and (gt (int .Values.replicas) 1) (semverCompare ">=1.28.0-0" .Capabilities.KubeVersion.Version) -}}
true
{{- end -}}
{{- end -}}

{{- define "timpush.probes" -}}
{{- $paths := dict "livenessProbe" "/-/healthy" "readinessProbe" "/-/ready" "startupProbe" "/-/healthy" -}}
{{- range $kind, $path := $paths }}
{{ $kind }}:
  {{- if $.Values.web.clientCertificates }}
  # The kubelet has no certificate to show.
  tcpSocket:
    port: http
  {{- else }}
  httpGet:
    path: {{ $path }}
    port: http
    scheme: {{ ternary "HTTPS" "HTTP" $.Values.web.tls }}
  {{- end }}
  {{- toYaml (get $.Values $kind) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "timpush.spread" -}}
{{- $constraints := .Values.topologySpreadConstraints -}}
{{- if and (not $constraints) (gt (int .Values.replicas) 1) -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" -}}
{{- $constraint := dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway" -}}
{{- $constraints = append $constraints $constraint -}}
{{- end -}}
{{- end -}}
{{- with $constraints -}}
topologySpreadConstraints:
{{- range . }}
  - {{ toYaml . | indent 4 | trim }}
    labelSelector:
      matchLabels:
        {{- include "timpush.selector" $ | nindent 8 }}
{{- end }}
{{- end -}}
{{- end -}}
