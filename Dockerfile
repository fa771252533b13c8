# One static binary, run by nobody in particular.
FROM golang:1.26.8-alpine3.24 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=docker
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /chferry ./cmd/chferry

# Alpine for its certificates, time zones and wget, which the health checks use.
FROM alpine:3.22.5
RUN apk add --no-cache ca-certificates tzdata && adduser -D -H -u 10001 chferry
COPY --from=build /chferry /usr/local/bin/chferry
USER 10001
ENTRYPOINT ["chferry"]
CMD ["--help"]
