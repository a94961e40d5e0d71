{{- define "timpush.pods" -}}
{{- mul .Values.replicas .Values.shards -}}
{{- end -}}

{{/*
Whether the apps are divided: a pod's number is then that of its shard, and each replica has a
StatefulSet of its own.
*/}}
{{- define "timpush.sharded" -}}
{{- if gt (int .Values.shards) 1 -}}
true
{{- end -}}
{{- end -}}

{{/* How many StatefulSets there are, each with a number as its replica. */}}
{{- define "timpush.sets" -}}
{{- if include "timpush.sharded" . -}}{{- .Values.replicas -}}{{- else -}}1{{- end -}}
{{- end -}}

{{/*
Whether a pod of several replicas is told its number as a replica. Kubernetes labels it from 1.28 on; before, all replicas are
number 0, and poll in step.
*/}}
{{- define "timpush.numbered" -}}
{{- $several := and (gt (int .Values.replicas) 1) (not (include "timpush.sharded" .)) -}}
{{- if and $several (semverCompare ">=1.28.0-0" .Capabilities.KubeVersion.Version) -}}
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
{{- if and (not $constraints) (gt (int (include "timpush.pods" .)) 1) -}}
{{- $several := and (include "timpush.sharded" .) (gt (int .Values.replicas) 1) -}}
{{- $labelled := and $several (semverCompare ">=1.28.0-0" .Capabilities.KubeVersion.Version) -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" -}}
{{- $constraint := dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway" -}}
{{- if $labelled -}}
{{- $_ := set $constraint "matchLabelKeys" (list "apps.kubernetes.io/pod-index") -}}
{{- end -}}
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
