// Package fresh holds the test that the README's two commands work on a Debian
// that has nothing but Go. It is built with the tag long.
package fresh
