// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

// certify creates an authority for this machine and writes its certificate to a
// file. The transport trusts it, the system's authorities and those of another
// file, if there is one.
func certify(caFile, trust string) (*tls.Config, *http.Transport, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "titanxsim"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(0, 1, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(caFile, authority, 0o644); err != nil { //nolint:gosec // public
		return nil, nil, fmt.Errorf("write certificate: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(authority)
	if trust != "" {
		other, err := os.ReadFile(trust)
		if err != nil {
			return nil, nil, fmt.Errorf("read receiver CA: %w", err)
		}
		if !pool.AppendCertsFromPEM(other) {
			return nil, nil, fmt.Errorf("read receiver CA: no certificate in %s", trust)
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, nil
}

// forward passes deliveries on to a receiver.
func forward(receiver *url.URL, logger *slog.Logger) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(receiver) },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			logger.WarnContext(r.Context(), "the receiver does not respond", "error", err.Error())
			w.WriteHeader(http.StatusBadGateway)
		},
	}
}
