PROBED := -fcf-protection=full -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr -Wlogical-op -Wduplicated-cond -Wtrampolines -Wformat-signedness
