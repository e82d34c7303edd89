// Package report shows plans to people: as a table for terminals, as Markdown for reviews, as one HTML page with a matrix
// of objects and clusters, as JSON or as YAML.
//
//	w, err := report.New(os.Stdout, report.Options{Format: report.Text, Changes: true})
//	for _, plan := range plans {
//		err = w.Plan(plan)
//	}
//	totals, err := w.Close()
//
// Plans are written as they come: of many plans only the counts stay in memory, and the first page is out before the last
// plan is made. Values of Secrets are masked everywhere. Equal plans give equal output.
package report
