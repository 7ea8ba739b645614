package main

import (
	"encoding/binary"

	"secco/linux"
)

var littleEndian binary.ByteOrder = binary.LittleEndian

// orderOf returns an architecture's byte order.
func orderOf(a linux.Arch) binary.ByteOrder {
	if a.BigEndian() {
		return binary.BigEndian
	}
	return littleEndian
}

// byteOrder returns that of the first architecture that a filter is read for.
func (s *session) byteOrder() (binary.ByteOrder, error) {
	arches, err := s.targets()
	if err != nil || len(arches) == 0 {
		return littleEndian, err
	}
	return orderOf(arches[0]), nil
}
