package main

import "secco/test/bench"

// recorded are figures of compilers that this command can't build, taken once
// elsewhere with the same workloads and not checked again here.
var recorded = []struct {
	name    string
	figures map[string]bench.Figures
	differ  string // the workloads where verdicts differed from the specification
}{
	{"kafel", map[string]bench.Figures{
		"W1a": {Size: 104, Uniform: 10.1, Mix: 10.0, Worst: 30},
		"W2":  {Size: 18, Uniform: 7.6, Mix: 7.4, Worst: 8},
		"W3":  {Size: 31, Uniform: 9.0, Mix: 8.4, Worst: 9},
		"W4":  {Size: 625, Uniform: 13.1, Mix: 12.3, Worst: 249},
		"W5":  {Size: 42, Uniform: 8.7, Mix: 7.4, Worst: 10},
	}, ""},
	{"minijail, tree", map[string]bench.Figures{
		"W1a": {Size: 102, Uniform: 9.6, Mix: 7.9, Worst: 32},
		"W2":  {Size: 19, Uniform: 7.4, Mix: 6.3, Worst: 13},
		"W3":  {Size: 24, Uniform: 9.5, Mix: 7.8, Worst: 10},
		"W4":  {Size: 656, Uniform: 11.7, Mix: 15.0, Worst: 249},
		"W5":  {Size: 50, Uniform: 9.8, Mix: 9.6, Worst: 12},
	}, ""},
	{"minijail, tree, frequencies", map[string]bench.Figures{
		"W1a": {Size: 102, Uniform: 10.8, Mix: 6.7, Worst: 36},
		"W2":  {Size: 19, Uniform: 7.8, Mix: 6.0, Worst: 15},
		"W3":  {Size: 23, Uniform: 10.5, Mix: 7.2, Worst: 12},
		"W4":  {Size: 649, Uniform: 19.2, Mix: 13.4, Worst: 250},
		"W5":  {Size: 50, Uniform: 9.8, Mix: 9.6, Worst: 12},
	}, ""},
	{"gosecco", map[string]bench.Figures{
		"W1a": {Size: 460, Uniform: 186.7, Mix: 145.7, Worst: 325},
		"W2":  {Size: 450, Uniform: 193.5, Mix: 95.2, Worst: 354},
		"W3":  {Size: 26, Uniform: 23.5, Mix: 11.4, Worst: 24},
		"W4":  {Size: 897, Uniform: 60.2, Mix: 24.5, Worst: 169},
		"W5":  {Size: 46, Uniform: 42.0, Mix: 44, Worst: 44},
	},
		"W1a W4"},
}

// theory is the fewest comparisons of the number that a call needs, in the mean
// over the syscalls and over the mix, as a search by other means found.
var theory = map[string][2]float64{
	"W1a": {5.03, 2.67}, "W2": {2.93, 1.98}, "W3": {3.20, 3.11}, "W4": {5.21, 4.03}, "W5": {3.89, 1.99},
}
