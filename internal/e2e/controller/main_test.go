package controller_test

import (
	"os"
	"testing"

	"github.com/confed-project/confed/internal/e2e/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }
