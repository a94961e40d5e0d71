# One static binary in an empty image. Build it with
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" -t timpush-exporter .
# Any image with a Rust toolchain, gcc and the C library's headers can be the builder.
ARG BUILD_IMAGE=docker.io/library/rust:1-slim-bookworm

FROM ${BUILD_IMAGE} AS build
WORKDIR /src

# The C library goes into the binary. With an explicit target, build scripts and macros,
# which are loaded at run time, stay dynamic.
ENV RUSTFLAGS="-C target-feature=+crt-static"
# Level 1 of zstd, which is the only one in use, knows the fast strategy alone.
ENV CFLAGS="-DZSTD_EXCLUDE_DFAST_BLOCK_COMPRESSOR \
    -DZSTD_EXCLUDE_GREEDY_BLOCK_COMPRESSOR \
    -DZSTD_EXCLUDE_LAZY_BLOCK_COMPRESSOR \
    -DZSTD_EXCLUDE_LAZY2_BLOCK_COMPRESSOR \
    -DZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR \
    -DZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR \
    -DZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR"

# The dependencies alone, so that a change of the program does not build them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' > src/main.rs \
    && echo 'fn main() {}' > build.rs \
    && touch src/lib.rs \
    && cargo build --locked --release --target "$(rustc --print host-tuple)"

COPY build.rs ./
COPY src src
ARG REVISION=unknown
ENV TIMPUSH_REVISION=${REVISION}
RUN touch build.rs src/main.rs src/lib.rs \
    && cargo build --locked --release --target "$(rustc --print host-tuple)" \
    && install -D target/*/release/timpush-exporter /out/timpush-exporter \
    && mkdir /out/state \
    && /out/timpush-exporter --version

FROM scratch
ARG REVISION=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="timpush-exporter" \
      org.opencontainers.image.description="Prometheus exporter for offline push loss of Tencent Cloud Chat" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/timpush-exporter /timpush-exporter
# A fresh volume for `state_file` takes its owner from here.
COPY --from=build --chown=65532:65532 /out/state /var/lib/timpush-exporter
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 10898
HEALTHCHECK --interval=30s --timeout=6s --start-period=5s CMD ["/timpush-exporter", "healthcheck"]
ENTRYPOINT ["/timpush-exporter"]
CMD ["run"]
