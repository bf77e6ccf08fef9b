#!/usr/bin/env bash
# Certificates for the link between orchestrator and executors, by openssl alone. See --help.
set -euo pipefail

usage() {
  cat <<'HELP'
usage: certs.sh [--days N] [--ca-days N] [--force] DIR

Makes in DIR, with openssl and nothing else:
  ca.crt            who signs the others; each side is given it to tell friend from stranger
  executor.crt      for executors: its name is rowcast-executor, whatever address they have
  orchestrator.crt  for orchestrators
and a .key beside each, readable by you alone. Keep ca.key away from both.

What is there and good stays as it is. A certificate past half of its life, or of another CA, is made anew; both sides
take up changed files without a restart. So run this from time to time (cron, a timer), and always before --days are over.

  --days N      life of the two (7; 0: over already, to see what happens then)
  --ca-days N   life of the CA (90)
  --force       make the two anew, whatever is there; the CA stays

then:
  python -m rowcast --listen 0.0.0.0:7400 --home … --tls-cert DIR/executor.crt --tls-key DIR/executor.key --tls-client-ca DIR/ca.crt
  ROWCAST_EXECUTORS=host:7400 ROWCAST_EXECUTOR_CA=DIR/ca.crt ROWCAST_EXECUTOR_CERT=DIR/orchestrator.crt \
    ROWCAST_EXECUTOR_KEY=DIR/orchestrator.key npx rowcast refresh …
HELP
}

fail() {
  echo "certs.sh: $1" >&2
  exit 2
}

number() {
  [[ $2 =~ ^[0-9]{1,5}$ ]] || fail "$1 wants a number of days, not '$2'"
  echo "$((10#$2))"
}

days=7 ca_days=90 force=false dir=
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    --days)
      days=$(number --days "${2:-}")
      shift
      ;;
    --ca-days)
      ca_days=$(number --ca-days "${2:-}")
      shift
      ;;
    --force) force=true ;;
    -*) fail "there is no option $1; see --help" ;;
    *) [ -z "$dir" ] && dir=$1 || fail "one folder, not '$dir' and '$1'" ;;
  esac
  shift
done
[ -n "$dir" ] || fail "in which folder? See --help"
command -v openssl > /dev/null || fail "there is no openssl here; on Debian and Ubuntu: apt-get install openssl"

umask 077
mkdir -p "$dir"
cd "$dir"
work=$(mktemp -d .making-XXXXXX)
trap 'rm -rf "$work"' EXIT

run() {
  openssl "$@" > "$work/said" 2>&1 || fail "openssl $1 failed: $(cat "$work/said")"
}

# Whether a certificate is there with its key, signed by our CA, and will be good for so many seconds more.
good() {
  [ -s "$1.crt" ] && [ -s "$1.key" ] &&
    openssl verify -CAfile ca.crt "$1.crt" > /dev/null 2>&1 &&
    openssl x509 -in "$1.crt" -noout -checkend "$2" > /dev/null 2>&1 &&
    [ "$(openssl x509 -in "$1.crt" -noout -pubkey)" = "$(openssl pkey -in "$1.key" -pubout 2> /dev/null)" ]
}

# Made aside, then put in place key first: a reader that sees them between keeps what it had.
place() {
  chmod 600 "$work/$1.key"
  chmod 644 "$work/$1.crt"
  mv "$work/$1.key" "$1.key"
  mv "$work/$1.crt" "$1.crt"
  echo "made $1.crt, good until $(openssl x509 -in "$1.crt" -noout -enddate | cut -d= -f2)"
}

if ! good ca $((ca_days * 86400 / 2)); then
  run ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
  run req -new -x509 -key "$work/ca.key" -sha256 -days "$ca_days" -subj "/CN=Rowcast local CA" -out "$work/ca.crt" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
  place ca
fi

leaf() {
  if ! $force && good "$1" $((days * 86400 / 2)); then
    echo "kept $1.crt, good until $(openssl x509 -in "$1.crt" -noout -enddate | cut -d= -f2)"
    return
  fi
  run ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"
  run req -new -key "$work/$1.key" -subj "/CN=rowcast-$1" -out "$work/$1.csr"
  printf '%s\n' "subjectAltName=DNS:rowcast-$1" "extendedKeyUsage=$2" basicConstraints=critical,CA:FALSE \
    keyUsage=critical,digitalSignature > "$work/$1.ext"
  run x509 -req -in "$work/$1.csr" -CA ca.crt -CAkey ca.key -sha256 -days "$days" -extfile "$work/$1.ext" \
    -set_serial "0x$(openssl rand -hex 16)" -out "$work/$1.crt"
  place "$1"
}

leaf executor serverAuth
leaf orchestrator clientAuth
