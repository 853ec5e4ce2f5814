packages = ["nginx", "vim"]
