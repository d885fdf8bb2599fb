// Package report writes a diff.Report for people and programs: as text for a
// terminal, as JSON for programs, and in the forms that code review platforms
// show. It sees redacted values only, opens nothing, and writes the same bytes
// for the same Report.
package report
