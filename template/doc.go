// Package template reads Packer templates and makes builds of them.
//
//	tmpl, err := template.Load(ctx, "debian.json", &template.Config{
//		Vars: map[string]string{"disk_size": "20G"},
//	})
//	if err != nil {
//		return err // all that is wrong, with lines, columns and remedies
//	}
//	builds, err := tmpl.Builds()
//	if err != nil {
//		return err
//	}
//	for _, b := range builds {
//		artifacts, err := b.Run(ctx)
//		…
//	}
//
// A template in JSON or HCL2 that describes machines for Packer's builder qemu
// is understood as it is: its variables and functions, boot_command and
// boot_steps, provisioners, and post-processors. docs/packer.md lists every
// option with what is different here, and why. A [Build] holds an
// imagebuild.Build, which can be looked at and changed before it runs.
//
// What Packer has as plugins is registered by the program that reads the
// template, in [Config].Components: builders, provisioners, post-processors and
// template functions.
//
// Fixed waits are kept as they are written. Where a fact can be waited for,
// boot_command may say so: <wait "boot:">, <wait fetch "/preseed.cfg">.
//
// This package is a module of its own, since HCL2 brings libraries with it that
// a program which only builds images should not carry.
package template
