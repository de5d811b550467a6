#!/bin/sh
# rustdoc with its output in JSON, which the stable rustdoc writes only in this way.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@" -Z unstable-options --output-format json
