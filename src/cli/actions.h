/* What the rows of the table of commands run. Each takes its options and arguments from `cli`. */
#ifndef CLI_ACTIONS_H
#define CLI_ACTIONS_H

#include "cli/command.h"

/* serve.c */
DW_MUST_USE enum dw_err action_serve(struct cli *cli);

/* setup.c */
DW_MUST_USE enum dw_err action_init(struct cli *cli);
DW_MUST_USE enum dw_err action_migrate(struct cli *cli);
DW_MUST_USE enum dw_err action_settings(struct cli *cli);
DW_MUST_USE enum dw_err action_reference(struct cli *cli);
DW_MUST_USE enum dw_err action_vectors(struct cli *cli);

/* users.c */
DW_MUST_USE enum dw_err action_user_create(struct cli *cli);
DW_MUST_USE enum dw_err action_user_list(struct cli *cli);
DW_MUST_USE enum dw_err action_user_show(struct cli *cli);
DW_MUST_USE enum dw_err action_user_set_role(struct cli *cli);
DW_MUST_USE enum dw_err action_user_disable(struct cli *cli);
DW_MUST_USE enum dw_err action_user_enable(struct cli *cli);
DW_MUST_USE enum dw_err action_user_delete(struct cli *cli);
DW_MUST_USE enum dw_err action_user_set_password(struct cli *cli);
DW_MUST_USE enum dw_err action_user_reset_2fa(struct cli *cli);

/* import.c */
DW_MUST_USE enum dw_err action_user_import(struct cli *cli);

/* keys.c */
DW_MUST_USE enum dw_err action_key_list(struct cli *cli);
DW_MUST_USE enum dw_err action_key_rotate(struct cli *cli);
DW_MUST_USE enum dw_err action_key_retire(struct cli *cli);

/* audit.c */
DW_MUST_USE enum dw_err action_audit_export(struct cli *cli);
DW_MUST_USE enum dw_err action_audit_verify(struct cli *cli);
DW_MUST_USE enum dw_err action_audit_prune(struct cli *cli);

/* ready.c */
DW_MUST_USE enum dw_err action_ready(struct cli *cli);

/* doctor.c */
DW_MUST_USE enum dw_err action_doctor(struct cli *cli);

/* backup.c */
DW_MUST_USE enum dw_err action_backup(struct cli *cli);
DW_MUST_USE enum dw_err action_restore(struct cli *cli);
DW_MUST_USE enum dw_err action_user_logout_all(struct cli *cli);

/* passwords.c */
DW_MUST_USE enum dw_err action_password_hash(struct cli *cli);
DW_MUST_USE enum dw_err action_password_verify(struct cli *cli);

#endif
