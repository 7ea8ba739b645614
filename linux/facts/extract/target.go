package main

// A target is an architecture as its sources name it, with the flags that make
// the host's gcc (x86_64) lay out C types as the architecture's own does.
type target struct {
	arch    string   // kernel name, the column in the facts
	triplet string   // folder of its asm/ headers in linux-libc-dev
	xsys    string   // GOARCH in golang.org/x/sys; empty: not there
	flags   []string // for gcc
}

// notX86 takes away what the host's compiler says of itself.
var notX86 = []string{
	"-U__x86_64__", "-U__x86_64", "-U__amd64__", "-U__amd64",
	"-U__i386__", "-U__i386", "-Ui386",
}

func foreign(flags ...string) []string { return append(flags, notX86...) }

var targets = []target{
	{"x86_64", "x86_64-linux-gnu", "amd64", []string{"-m64"}},
	{"x32", "x86_64-linux-gnux32", "", []string{"-mx32"}},
	{"i386", "i386-linux-gnu", "386", []string{"-m32"}},
	// i386 aligns 64-bit members to 4 bytes, the ARM EABI to 8.
	{"arm", "arm-linux-gnueabihf", "arm", foreign("-m32", "-malign-double", "-D__arm__", "-D__ARM_EABI__", "-D__ARMEL__")},
	{"aarch64", "aarch64-linux-gnu", "arm64", foreign("-m64", "-D__aarch64__", "-D__AARCH64EL__")},
	{"riscv64", "riscv64-linux-gnu", "riscv64", foreign("-m64", "-D__riscv", "-D__riscv_xlen=64")},
	{"s390x", "s390x-linux-gnu", "s390x", foreign("-m64", "-D__s390__", "-D__s390x__")},
	{"ppc64", "powerpc64-linux-gnu", "ppc64", foreign("-m64", "-D__powerpc__", "-D__powerpc64__", "-D__BIG_ENDIAN__")},
	{"ppc64le", "powerpc64le-linux-gnu", "ppc64le", foreign("-m64", "-D__powerpc__", "-D__powerpc64__", "-D__LITTLE_ENDIAN__", "-D_CALL_ELF=2")},
	{"loongarch64", "loongarch64-linux-gnu", "loong64", foreign("-m64", "-D__loongarch__", "-D__loongarch64", "-D__loongarch_grlen=64")},
	{"mips64le", "mips64el-linux-gnuabi64", "mips64le", foreign("-m64", "-D__mips__", "-D__mips=64", "-D__mips64", "-D__MIPSEL__", "-D_MIPSEL",
		"-D_ABIO32=1", "-D_ABIN32=2", "-D_ABI64=3", "-D_MIPS_SIM=3", "-D_MIPS_SZLONG=64", "-D_MIPS_SZPTR=64", "-D_MIPS_SZINT=32")},
}
