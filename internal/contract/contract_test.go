package contract_test

import (
	"testing"

	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/internal/contract"
)

func TestMemberInMemory(t *testing.T) { contract.Run(t, &fedtest.Member{}, false) }
