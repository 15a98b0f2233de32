#include "mail/sender.h"

#include "mail/folder.h"
#include "mail/smtp.h"

struct mail_sender {
    struct smtp *smtp; /* NULL: the folder */
    const char *folder;
};

enum dw_err mail_sender_new(const struct mail_sender_config *config, struct mail_sender **ret_sender)
{
    _cleanup_(mail_sender_free) struct mail_sender *sender = calloc(1, sizeof(*sender));

    if (sender == NULL)
        return DW_ERR_NO_MEMORY;
    sender->folder = config->folder;
    if (config->smtp_url->size > 0)
        TRY(smtp_new(config->smtp_url, config->smtp_ca_file, &sender->smtp));
    *ret_sender = TAKE_PTR(sender);
    return DW_OK;
}

bool mail_sender_is_folder(const struct mail_sender *sender)
{
    return sender->smtp == NULL;
}

enum dw_err mail_send(struct mail_sender *sender, const struct mail_message *message)
{
    _cleanup_buffer_ struct buffer bytes = BUFFER_INIT(MAIL_MESSAGE_MAX_BYTES);
    char from[MAIL_ADDRESS_SIZE], to[MAIL_ADDRESS_SIZE];

    TRY(mail_address(message->from, from));
    TRY(mail_address(message->to, to));
    TRY(mail_message_write(message, &bytes));
    if (sender->smtp == NULL)
        return folder_store(sender->folder, message->id, buffer_str(&bytes));
    return smtp_send(sender->smtp, from, to, buffer_str(&bytes));
}

void mail_sender_stop(struct mail_sender *sender)
{
    if (sender->smtp != NULL)
        smtp_stop(sender->smtp);
}

void mail_sender_free(struct mail_sender **sender)
{
    if (*sender == NULL)
        return;
    smtp_free(&(*sender)->smtp);
    free(*sender);
    *sender = NULL;
}
