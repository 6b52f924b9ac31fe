// Command engine does what External Secrets Operator does with a template and with a property: text/template with the
// functions of sprig and the option missingkey=error, and gjson. It reads JSON on its standard input.
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/tidwall/gjson"
)

type question struct {
	Template *string           `json:"template"`
	Data     map[string]string `json:"data"`
	Document string            `json:"document"`
	Property string            `json:"property"`
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	answers := make([]*string, len(questions))
	for index, asked := range questions {
		if asked.Template != nil {
			answers[index] = execute(*asked.Template, asked.Data)
		} else if found := gjson.Get(asked.Document, asked.Property); found.Exists() {
			text := found.String()
			answers[index] = &text
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answers); err != nil {
		os.Exit(1)
	}
}

func execute(text string, data map[string]string) *string {
	parsed, err := template.New("value").Option("missingkey=error").Funcs(sprig.TxtFuncMap()).Parse(text)
	if err != nil {
		return nil
	}
	var written bytes.Buffer
	if parsed.Execute(&written, data) != nil {
		return nil
	}
	result := written.String()
	return &result
}
