#!/bin/sh
# Installs the Debian packages that the tests need, where they are missing.
set -eu
missing=
for pair in promtool:prometheus prometheus-alertmanager:prometheus-alertmanager prometheus-pushgateway:prometheus-pushgateway chromium:chromium chromedriver:chromium-driver sqlite3:sqlite3 python3:python3 zstd:zstd xz:xz-utils setsid:util-linux systemd-analyze:systemd tar:tar cc:gcc openssl:openssl redis-server:redis-server redis-cli:redis-tools strace:strace gzip:gzip haproxy:haproxy named:bind9 runuser:util-linux ps:procps; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
ls /usr/lib/postgresql/*/bin/pg_amcheck >/dev/null 2>&1 || missing="$missing postgresql"
for program in /usr/sbin/mariadbd:mariadb-server-core /usr/bin/mariadb-install-db:mariadb-server-core /usr/bin/mariadb-check:mariadb-client; do
  [ -x "${program%%:*}" ] || missing="$missing ${program#*:}"
done
/usr/bin/python3 -c "import cryptography, securesystemslib.signer" 2>/dev/null ||
  missing="$missing python3-cryptography python3-securesystemslib"
/usr/bin/python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3-pip"
# Packages of Python: the schemas of Kubernetes, the checker of accessibility, a mail server, and another implementation of cron.
python_packages() {
  for pair in axe_playwright_python:axe-playwright-python==0.1.8 aiosmtpd:aiosmtpd==1.4.6 public:atpublic==5.1 \
    attr:attrs==25.3.0 cronsim:cronsim==2.8 kubernetes_validate:kubernetes-validate==1.37.0; do
    [ -e "target/test-tools/${pair%%:*}" ] ||
      /usr/bin/python3 -m pip install -q --no-deps --target target/test-tools "${pair#*:}"
  done
}
# A server of S3 that checks signatures.
s3_server() {
  [ -x target/test-tools/bin/s3s-fs ] ||
    CARGO_TARGET_DIR=target/test-tools/build cargo install -q --locked --debug --root target/test-tools \
      s3s-fs@0.14.1 --features binary
  rm -rf target/test-tools/build
}
if [ -z "$missing" ]; then
  python_packages
  s3_server
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need these programs, and there is no apt-get to install them:$missing" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "Install these packages as root:$missing" >&2; exit 1; }
  as_root=sudo
fi
# Servers are not started: the tests start their own.
as_root="$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1"
$as_root apt-get update -q
# shellcheck disable=SC2086
$as_root apt-get install -q -y --no-install-recommends $missing
python_packages
s3_server
