"""Is the Helm chart one that Kubernetes and the Hub can use? Rendered by Helm's own code, for what people may choose.

    PYTHON tests/packaging/chart.py PROGRAM

PYTHON has helm-python-sdk, kubernetes-validate and PyYAML. Checked are Helm's lint, the schema of the values, every manifest
against Kubernetes' own schemas, the promises of the chart (nobody is root, the engine is the worker's alone, no password
in a manifest), and whether PROGRAM, an executor-hub, takes the environment that a pod would have. No cluster is needed.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import yaml

CHART = Path(__file__).parents[2] / 'charts' / 'executor-hub'
KUBERNETES = '1.31'

S3 = {'existingSecret': 'hub', 'externalUrl': 'https://hub.example.com', 'blobs': {'s3': {'bucket': 'hub'}}}
CHOICES = {
    'replicas over a bucket': S3,
    'workers by a socket': S3 | {'worker': {'replicas': 2, 'engineSocket': '/run/docker.sock', 'engineGroup': 998}},
    'workers by an address': S3 | {'worker': {'replicas': 1, 'engineAddress': 'tcp://engine:2375', 'baseImage': 'python:3.11-slim'}},
    'one replica over a volume': {
        'existingSecret': 'hub',
        'blobs': {'backend': 'directory', 'directory': {'storageClass': 'fast'}},
        'serve': {'replicas': 1},
    },
    'everything else': S3
    | {
        'trustedProxies': ['10.0.0.0/8', '192.0.2.7'],
        'settings': {'HUB_AUTH__ANONYMOUS_PUSH': 'false', 'HUB_EXECUTORS__PROTECTED_TAGS': 'v*,release-*'},
        'imagePullSecrets': [{'name': 'registry'}],
        'ingress': {'enabled': True, 'className': 'nginx', 'host': 'hub.example.com', 'tlsSecret': 'hub-tls', 'annotations': {'a': 'b'}},
        'networkPolicy': {'from': [{'namespaceSelector': {'matchLabels': {'name': 'ingress'}}}]},
        'serve': {'podAnnotations': {'a': 'b'}, 'nodeSelector': {'disk': 'fast'}, 'tolerations': [{'operator': 'Exists'}]},
    },
}
REFUSED = {
    'no secret': {'blobs': {'s3': {'bucket': 'hub'}}},
    'no bucket': {'existingSecret': 'hub'},
    'an unknown value': S3 | {'replicas': 3},
    'an address that ends with a slash': S3 | {'externalUrl': 'https://hub.example.com/'},
    'a worker without an engine': S3 | {'worker': {'replicas': 1}},
    'replicas that share no volume': {'existingSecret': 'hub', 'blobs': {'backend': 'directory'}},
}


def rendered(values):
    """The manifests that Helm makes of the chart, schema of the values included."""
    chart = helm.Chart.load(str(CHART))
    chart.validate_schema(chart.merge_values(values))
    files = chart.render(values, name='hub', namespace='hubs')
    texts = [text for path, text in sorted(files.items()) if path.endswith('.yaml')]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def check_pod(manifest):
    pod = manifest['spec']['template']['spec']
    (container,) = pod['containers']
    role = manifest['metadata']['labels']['app.kubernetes.io/component']
    assert pod['securityContext']['runAsNonRoot'] and pod['automountServiceAccountToken'] is False
    security = container['securityContext']
    assert security['readOnlyRootFilesystem'] and not security['allowPrivilegeEscalation']
    assert security['capabilities'] == {'drop': ['ALL']}
    engines = [volume for volume in pod['volumes'] if 'hostPath' in volume]
    assert not engines or role == 'worker', 'only a worker may reach an engine'
    mounted, there = ({one['name'] for one in places} for places in (container['volumeMounts'], pod['volumes']))
    assert mounted == there, f'{mounted} are mounted, {there} are there'
    return role, container


def hub_takes(program, container):
    """Whether the program itself finds the container's environment good, with files in the places of the secret's."""
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder)
        (secret / 'database-url').write_text('postgres://hub:word@db/hub')
        (secret / 'master-key').write_text('0' * 64)
        (secret / 's3-secret-access-key').write_text('word')
        environment = {'PATH': os.environ['PATH'], 'HUB_SERVER__DATA_DIR': folder}
        for variable in container['env']:
            assert variable['name'] not in environment, variable
            value = variable.get('value', 'from the secret')
            environment[variable['name']] = value.replace('/etc/executor-hub/secret', folder)
        done = subprocess.run([program, 'config', 'check'], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def main(program):
    report = helm.lint(str(CHART), S3, strict=True)
    loud = [message for message in report['messages'] or [] if message['severity'] > 1]
    assert not loud and not report['errors'], report
    for choice, values in CHOICES.items():
        manifests = rendered(values)
        kinds = [manifest['kind'] for manifest in manifests]
        for manifest in manifests:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
            if manifest['kind'] == 'Deployment':
                _, container = check_pod(manifest)
                hub_takes(program, container)
        assert ('PodDisruptionBudget' in kinds) == (choice != 'one replica over a volume'), kinds
        assert kinds.count('Deployment') == 1 + choice.startswith('workers'), kinds
        print(f'{choice}: {", ".join(sorted(kinds))}')
    for choice, values in REFUSED.items():
        try:
            rendered(values)
        except helm.HelmError:
            continue
        raise AssertionError(f'{choice} is not refused')


if __name__ == '__main__':
    main(sys.argv[1])
