{{/* Puts the values' links and labels into an alert, in place. */}}
{{- define "timpush.alert" -}}
{{- $values := .values -}}
{{- $annotations := .rule.annotations -}}
{{- with $annotations.runbook_url -}}
{{- $_ := set $annotations "runbook_url" (printf "%s/%s" $values.runbookUrl (base .)) -}}
{{- end -}}
{{- if $values.grafanaUrl -}}
{{- with $annotations.dashboard_url -}}
{{- $_ := set $annotations "dashboard_url" (replace "https://grafana.example.com" $values.grafanaUrl .) -}}
{{- end -}}
{{- else -}}
{{- $_ := unset $annotations "dashboard_url" -}}
{{- end -}}
{{- $_ := set .rule "labels" (merge (dict) .rule.labels $values.alertLabels) -}}
{{- end -}}
