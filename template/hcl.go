package template

import (
	"context"
	"errors"
)

func loadDir(ctx context.Context, dir string, c *Config) (*Template, error) {
	return nil, errors.New("template: HCL2 is not supported yet")
}

func parseHCL(ctx context.Context, files []*source, dir string, c *Config) (*Template, error) {
	return nil, errors.New("template: HCL2 is not supported yet")
}
