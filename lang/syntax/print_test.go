package syntax_test

import (
	"testing"

	"secco/lang/syntax"
	"secco/source"
)

const untidy = `# a file

  ARCHES=x86_64,i386
DEFAULT_POLICY   = KILL  # for the rest


limit=4*1024
f( a,b )=a==5&&b<limit  ; return Errno( EPERM )
read,write [ -EPERM , +Trap( 5 ) ]:1
# about sockets
socket{ # arms
  arg0==AF_UNIX->allow
     # inet
  IN(arg0,AF_INET , AF_INET6)  -> LOG
  else->  eacces # else
  # at the end
}
arch i386{ socketcall:argL0==1
open: (arg0 == 1 && # inside
    arg1 == 2)
}
when !cap( CAP_BPF )&&kernel>=4.8 {
  bpf:return 1
}
else {
  bpf: TRUE
}
group @long = accept, accept4, access, adjtimex, alarm, bind, brk, cachestat, capget, capset, chdir, chmod
close: arg0 == 1 || arg0 == 2 || arg0 == 3 || arg0 == 4 || arg0 == 5 || arg0 == 6 || arg0 == 7 || arg0 == 8
lseek: in(arg0, 1000000, 2000000, 3000000, 4000000, 5000000, 6000000, 7000000, 8000000, 9000000, 10000000)
test read( _ , 5)=>allow
# the end`

const tidy = `# a file

ARCHES = x86_64, i386
DEFAULT_POLICY = kill_thread  # for the rest

limit = 4 * 1024
f(a, b) = a == 5 && b < limit; return errno(EPERM)
read, write[+trap(5), -EPERM]: 1
# about sockets
socket {  # arms
    arg0 == AF_UNIX             -> allow
    # inet
    in(arg0, AF_INET, AF_INET6) -> log
    else                        -> eacces  # else
    # at the end
}
arch i386 {
    socketcall: argL0 == 1
    open: (arg0 == 1 && # inside
    arg1 == 2)
}
when !cap(CAP_BPF) && kernel >= 4.8 {
    bpf: return 1
} else {
    bpf: true
}
group @long = accept, accept4, access, adjtimex, alarm, bind, brk, cachestat, capget, capset, \
    chdir, chmod
close: arg0 == 1 || arg0 == 2 || arg0 == 3 || arg0 == 4 || arg0 == 5 || arg0 == 6 || arg0 == 7 \
    || arg0 == 8
lseek: in(arg0, 1000000, 2000000, 3000000, 4000000, 5000000, 6000000, 7000000, 8000000, 9000000,
    10000000)
test read(_, 5) => allow
# the end
`

func TestPrint(t *testing.T) {
	f, diags := syntax.Parse(source.NewFile("untidy", untidy))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got := syntax.Print(f); got != tidy {
		t.Errorf("got\n%s\nwant\n%s", got, tidy)
	}
}
