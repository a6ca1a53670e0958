{{- define "hub.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "hub.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "hub.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "hub.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "hub.selector" -}}
app.kubernetes.io/name: {{ include "hub.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hub.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "hub.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "hub.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "hub.secret" -}}
{{- required "existingSecret names the Secret with database-url and master-key" .Values.existingSecret -}}
{{- end -}}

{{- define "hub.claim" -}}
{{- .Values.blobs.directory.existingClaim | default (printf "%s-blobs" (include "hub.fullname" .)) -}}
{{- end -}}

{{- /* What every process of the Hub is told. */ -}}
{{- define "hub.environment" -}}
- name: HUB_DATABASE__URL_FILE
  value: /etc/executor-hub/secret/database-url
- name: HUB_AUTH__MASTER_KEY_FILE
  value: /etc/executor-hub/secret/master-key
- name: HUB_SERVER__EXTERNAL_URL
  value: {{ .Values.externalUrl | quote }}
- name: HUB_BLOBS__BACKEND
  value: {{ .Values.blobs.backend | quote }}
{{- if eq .Values.blobs.backend "s3" }}
- name: HUB_BLOBS__S3_BUCKET
  value: {{ required "blobs.s3.bucket names the bucket (or set blobs.backend to directory)" .Values.blobs.s3.bucket | quote }}
- name: HUB_BLOBS__S3_ENDPOINT
  value: {{ .Values.blobs.s3.endpoint | quote }}
- name: HUB_BLOBS__S3_REGION
  value: {{ .Values.blobs.s3.region | quote }}
- name: HUB_BLOBS__S3_ALLOW_HTTP
  value: {{ .Values.blobs.s3.allowHttp | quote }}
- name: HUB_BLOBS__PREFIX
  value: {{ .Values.blobs.s3.prefix | quote }}
- name: HUB_BLOBS__S3_ACCESS_KEY_ID
  valueFrom: { secretKeyRef: { name: {{ include "hub.secret" . }}, key: s3-access-key-id } }
- name: HUB_BLOBS__S3_SECRET_ACCESS_KEY_FILE
  value: /etc/executor-hub/secret/s3-secret-access-key
{{- else }}
- name: HUB_BLOBS__DIRECTORY
  value: /blobs
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "hub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "hub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "hub.mounts" -}}
- { name: secret, mountPath: /etc/executor-hub/secret, readOnly: true }
- { name: data, mountPath: /data }
- { name: tmp, mountPath: /tmp }
{{- if eq .Values.blobs.backend "directory" }}
- { name: blobs, mountPath: /blobs }
{{- end }}
{{- end -}}

{{- define "hub.volumes" -}}
- name: secret
  secret: { secretName: {{ include "hub.secret" . }}, defaultMode: 0440 }
- name: tmp
  emptyDir: { sizeLimit: 1Gi }
{{- if eq .Values.blobs.backend "directory" }}
- name: blobs
  persistentVolumeClaim: { claimName: {{ include "hub.claim" . }} }
{{- end }}
{{- end -}}
