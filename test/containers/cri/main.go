// Command cri asks a container engine for pods as a kubelet does, for the tests.
// It is in a module of its own, so that the API's weight stays out of secco's.
//
//	cri SOCKET run HANDLER POD.json CONTAINER.json   start a pod with a container, print what they are
//	cri SOCKET wait CONTAINER                        wait for the container's end and exit with its code
//	cri SOCKET exec CONTAINER COMMAND...             run a command in the container
//	cri SOCKET remove POD                            end a pod
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "cri:", err)
		os.Exit(125)
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	if len(args) < 3 {
		return 0, errors.New("arguments are missing")
	}
	conn, err := grpc.NewClient("unix://"+args[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	engine := cri.NewRuntimeServiceClient(conn)
	switch command, rest := args[1], args[2:]; {
	case command == "run" && len(rest) == 3:
		return 0, start(ctx, engine, rest[0], rest[1], rest[2])
	case command == "wait" && len(rest) == 1:
		return wait(ctx, engine, rest[0])
	case command == "exec" && len(rest) > 1:
		r, err := engine.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: rest[0], Cmd: rest[1:], Timeout: 30})
		if err != nil {
			return 0, err
		}
		os.Stdout.Write(r.Stdout)
		os.Stderr.Write(r.Stderr)
		return int(r.ExitCode), nil
	case command == "remove" && len(rest) == 1:
		return 0, remove(ctx, engine, rest[0])
	}
	return 0, fmt.Errorf("no command %q", args[1:])
}

// started is what run prints.
type started struct {
	Pod          string `json:"pod"`
	PodPid       int    `json:"podPid"` // of the pause container
	Container    string `json:"container"`
	ContainerPid int    `json:"containerPid"`
}

// start starts a pod and its container. Where the container doesn't start, the pod
// is removed.
func start(ctx context.Context, engine cri.RuntimeServiceClient, handler, podFile, containerFile string) (err error) {
	var pod cri.PodSandboxConfig
	var container cri.ContainerConfig
	if err := errors.Join(read(podFile, &pod), read(containerFile, &container)); err != nil {
		return err
	}
	p, err := engine.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: &pod, RuntimeHandler: handler})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(ctx, engine, p.PodSandboxId))
		}
	}()
	c, err := engine.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: p.PodSandboxId, Config: &container, SandboxConfig: &pod})
	if err != nil {
		return err
	}
	if _, err := engine.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.ContainerId}); err != nil {
		return err
	}
	s := started{Pod: p.PodSandboxId, Container: c.ContainerId}
	podStatus, err := engine.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: s.Pod, Verbose: true})
	if err != nil {
		return err
	}
	status, err := engine.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: s.Container, Verbose: true})
	if err != nil {
		return err
	}
	s.PodPid, s.ContainerPid = pid(podStatus.Info), pid(status.Info)
	return json.NewEncoder(os.Stdout).Encode(s)
}

// pid returns the process that a verbose status names.
func pid(info map[string]string) int {
	var about struct{ Pid int }
	_ = json.Unmarshal([]byte(info["info"]), &about) // 0 is what isn't known
	return about.Pid
}

func read(file string, to any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

func wait(ctx context.Context, engine cri.RuntimeServiceClient, container string) (code int, err error) {
	for {
		s, err := engine.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: container})
		if err != nil {
			return 0, err
		}
		if s.Status.State == cri.ContainerState_CONTAINER_EXITED {
			return int(s.Status.ExitCode), nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// remove ends a pod, and its containers without time to end themselves.
func remove(ctx context.Context, engine cri.RuntimeServiceClient, pod string) error {
	list, err := engine.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{PodSandboxId: pod}})
	if err != nil {
		return err
	}
	for _, c := range list.Containers {
		if _, err := engine.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: c.Id}); err != nil {
			return err
		}
	}
	// The tests' pause container is sleep, which as process 1 does not end by SIGTERM.
	if status, err := engine.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: pod, Verbose: true}); err == nil && pid(status.Info) > 1 {
		_ = syscall.Kill(pid(status.Info), syscall.SIGKILL) // it may have ended
	}
	_, err = engine.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: pod})
	if err != nil {
		return err
	}
	_, err = engine.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: pod})
	return err
}
