package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// The form is SPDX 2.3, https://spdx.github.io/spdx-spec/v2.3/.
type (
	spdxDocument struct {
		Version       string         `json:"spdxVersion"`
		License       string         `json:"dataLicense"`
		ID            string         `json:"SPDXID"`
		Name          string         `json:"name"`
		Namespace     string         `json:"documentNamespace"`
		Creation      spdxCreation   `json:"creationInfo"`
		Packages      []spdxPackage  `json:"packages"`
		Relationships []spdxRelation `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		Name      string          `json:"name"`
		ID        string          `json:"SPDXID"`
		Version   string          `json:"versionInfo"`
		Location  string          `json:"downloadLocation"`
		Analyzed  bool            `json:"filesAnalyzed"`
		License   string          `json:"licenseDeclared"`
		Concluded string          `json:"licenseConcluded"`
		Copyright string          `json:"copyrightText"`
		Comment   string          `json:"comment,omitempty"`
		Refs      []spdxReference `json:"externalRefs,omitempty"`
	}
	spdxReference struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelation struct {
		From string `json:"spdxElementId"`
		Kind string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const ownModule = "github.com/mysql-ha/mysql-ha"

// parts lists what this very program was linked from, as the linker wrote it down.
func parts(made time.Time) (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("the program does not say what it was built from")
	}
	return partsOf(info, made)
}

func partsOf(info *debug.BuildInfo, made time.Time) (string, error) {
	const self = "SPDXRef-mysql-ha"
	doc := spdxDocument{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT",
		Name: "mysql-ha-" + version, Namespace: "https://" + ownModule + "/parts/" + version,
		Creation:      spdxCreation{made.UTC().Format("2006-01-02T15:04:05Z"), []string{"Tool: mysql-ha-" + version}},
		Packages:      []spdxPackage{module(self, ownModule, version, "")},
		Relationships: []spdxRelation{{"SPDXRef-DOCUMENT", "DESCRIBES", self}},
	}
	doc.Packages[0].License = "Apache-2.0"
	add := func(p spdxPackage) {
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelation{self, "STATIC_LINK", p.ID})
	}
	add(module("SPDXRef-go", "stdlib", strings.TrimPrefix(info.GoVersion, "go"), ""))
	for i, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		add(module(fmt.Sprintf("SPDXRef-module-%d", i+1), m.Path, m.Version, m.Sum))
	}
	text, err := json.MarshalIndent(doc, "", " ")
	return string(text) + "\n", err
}

// module is one of them. sum is as go.sum has it: of the list of the module's files,
// not of any archive, so it is told as a comment.
func module(id, path, version, sum string) spdxPackage {
	const unsaid = "NOASSERTION"
	p := spdxPackage{
		Name: path, ID: id, Version: version, Location: unsaid, License: unsaid, Concluded: unsaid, Copyright: unsaid,
		Refs: []spdxReference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}},
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(raw) > 0 {
		p.Comment = "h1 of go.sum, in hexadecimal: " + hex.EncodeToString(raw)
	}
	return p
}
