{{/* timpush.yml: the values' `config`, and what follows from the other values. */}}
{{- define "timpush.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not (hasKey $config "state_file") -}}
{{- $_ := set $config "state_file" "/var/lib/timpush-exporter/state.json" -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not (hasKey $config "calls_per_second")) -}}
{{- $_ := set $config "calls_per_second" (divf (floor (divf 900 .Values.replicas)) 1000) -}}
{{- end -}}
{{- if not (hasKey $config "scrape_interval") -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- $_ := set $config "scrape_interval" .Values.serviceMonitor.interval -}}
{{- else if .Values.podMonitor.enabled -}}
{{- $_ := set $config "scrape_interval" .Values.podMonitor.interval -}}
{{- end -}}
{{- end -}}
{{- if .Values.web.existingSecret -}}
{{- $web := default dict $config.web -}}
{{- if not (hasKey $web "config_file") -}}
{{- $_ := set $web "config_file" "/etc/timpush-web/web.yml" -}}
{{- end -}}
{{- $_ := set $config "web" $web -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The TCP ports of the hosts that the configuration names, besides 443. */}}
{{- define "timpush.ports" -}}
{{- $urls := list -}}
{{- with .Values.config.proxy_url -}}
{{- $urls = append $urls (ternary . (printf "http://%s" .) (contains "://" .)) -}}
{{- end -}}
{{- range .Values.config.apps -}}
{{- range .regions -}}
{{- if kindIs "map" . -}}{{- $urls = append $urls .url -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $ports := list "443" -}}
{{- range $urls -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $ports = append $ports (default (ternary "80" "443" (eq $url.scheme "http")) $port) -}}
{{- end -}}
{{- join "," (uniq $ports | sortAlpha) -}}
{{- end -}}

{{/* Fails if a variable with a secret in it has its value in the values. */}}
{{- define "timpush.secretEnv" -}}
{{- $secret := list "TIMPUSH_PROXY_URL" -}}
{{- range .Values.config.apps -}}
{{- with .secret_key_env -}}{{- $secret = append $secret . -}}{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if and (has .name $secret) (hasKey . "value") -}}
{{- fail (printf "extraEnv: %s must come from a Secret, by valueFrom.secretKeyRef" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
