# The secco image: static binaries and the shipped policies, as text and, but for
# those with guards, compiled for the machine, on nothing.
#
#   docker build -t secco .
#   docker run --rm -v "$PWD:/work" -w /work secco check web.secco
#
# Without a network: GO_IMAGE names an image that has Go, and the modules are in
# vendor/ (go mod vendor).
ARG GO_IMAGE=golang:1.26

FROM ${GO_IMAGE} AS build
ENV CGO_ENABLED=0
WORKDIR /src
COPY . .
RUN go build -trimpath -ldflags="-s -w" -o /out/bin/ ./cmd/... \
	&& mkdir -p /out/policies \
	&& cp profiles/*.secco /out/policies/ \
	&& cd /out/policies \
	&& for p in *.secco; do \
		grep -q '^when ' "$p" || /out/bin/secco compile --sums "$p" --arch "$(go env GOARCH)" -o "${p%.secco}.bpf" || exit 1; \
	done

FROM scratch
COPY --from=build /out/bin/ /usr/bin/
COPY --from=build /out/policies/ /etc/secco/
ENTRYPOINT ["/usr/bin/secco"]
CMD ["--help"]
