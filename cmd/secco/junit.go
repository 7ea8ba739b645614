package main

import (
	"encoding/xml"
	"strings"
)

// What JUnit's XML is made of, as far as readers of it agree.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Skipped *junitMessage `xml:"skipped"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// junit returns results as JUnit's XML: what could not be decided is an error there,
// what the kernel could not be asked is skipped.
func junit(name string, results []*tested) []byte {
	suite := junitSuite{Name: name, Tests: len(results)}
	for _, r := range results {
		c := junitCase{Class: name, Name: r.name}
		if !r.at.IsZero() {
			at := r.at.Position()
			c.File, c.Line = at.File, at.Line
		}
		message := &junitMessage{r.message, strings.TrimSpace(decidedBy(r.rule))}
		switch r.status {
		case failed:
			c.Failure = message
			suite.Failures++
		case undecided:
			c.Error = message
			suite.Errors++
		case unchecked:
			c.Skipped = message
			suite.Skipped++
		}
		suite.Cases = append(suite.Cases, c)
	}
	text, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	if err != nil {
		panic(err) // the types above have a form in XML
	}
	return append([]byte(xml.Header), append(text, '\n')...)
}
