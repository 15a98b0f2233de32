/* QR pictures (ISO/IEC 18004) of short texts, by libqrencode; PNG by libpng. */
#include <doorward/otp.h>

#include "base/buffer.h"
#include <png.h>
#include <qrencode.h>

enum {
    QUIET_ZONE = 4,       /* modules around it, ISO/IEC 18004 §9.1 */
    MODULE_PIXELS = 6,
    PICTURE_MAX = 1 << 20,
    TEXT_MAX = 2300,      /* version 40-M holds 2331 bytes */
};

static void code_free(QRcode **code)
{
    if (*code == NULL)
        return;
    /* The picture of a secret is a secret. */
    dw_wipe((*code)->data, (size_t)(*code)->width * (size_t)(*code)->width);
    QRcode_free(*code);
    *code = NULL;
}

#define _cleanup_code_ _cleanup_(code_free)

static enum dw_err encode(struct dw_str text, QRcode **ret_code)
{
    if (text.len == 0 || text.len > TEXT_MAX)
        return DW_ERR_LIMIT;
    QRcode *code = QRcode_encodeData((int)text.len, (const unsigned char *)text.ptr, 0, QR_ECLEVEL_M);

    if (code == NULL)
        return DW_ERR_LIMIT;
    *ret_code = code;
    return DW_OK;
}

static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1) != 0;
}

static enum dw_err copy_out(const struct buffer *b, struct dw_arena *arena, struct dw_str *ret_bytes)
{
    TRY(buffer_error(b));
    const struct dw_str bytes = dw_arena_copy(arena, buffer_str(b));

    if (bytes.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_bytes = bytes;
    return DW_OK;
}

/* --- PNG -------------------------------------------------------------------------------------------------------- */

/* A byte a pixel; libpng's simplified interface writes no secret to a file and longjmps nowhere. */
static void paint(const QRcode *code, unsigned char *pixels, int side)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            pixels[y * side + x] = is_dark(code, x / MODULE_PIXELS - QUIET_ZONE, y / MODULE_PIXELS - QUIET_ZONE) ? 0
                                                                                                              : 255;
}

static enum dw_err compress(const unsigned char *pixels, int side, struct buffer *b)
{
    png_image image = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)side, .height = (png_uint_32)side,
                        .format = PNG_FORMAT_GRAY };
    png_alloc_size_t size = PICTURE_MAX;
    char *bytes = buffer_reserve(b, size);
    const bool is_written = bytes != NULL && png_image_write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL) != 0;

    png_image_free(&image);
    if (!is_written)
        return DW_ERR_NO_MEMORY;
    buffer_commit(b, size);
    return DW_OK;
}

enum dw_err dw_qr_png(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_png)
{
    _cleanup_buffer_ struct buffer pixels = BUFFER_INIT(4 * PICTURE_MAX), png = BUFFER_INIT(PICTURE_MAX);
    _cleanup_code_ QRcode *code = NULL;

    if (arena == NULL || ret_png == NULL)
        return DW_ERR_ARGUMENT;
    TRY(encode(text, &code));
    const int side = (code->width + 2 * QUIET_ZONE) * MODULE_PIXELS;
    char *canvas = buffer_reserve(&pixels, (size_t)side * (size_t)side);

    if (canvas == NULL)
        return DW_ERR_NO_MEMORY;
    paint(code, (unsigned char *)canvas, side);
    buffer_commit(&pixels, (size_t)side * (size_t)side);
    TRY(compress((unsigned char *)canvas, side, &png));
    return copy_out(&png, arena, ret_png);
}

/* --- SVG -------------------------------------------------------------------------------------------------------- */

enum dw_err dw_qr_svg(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_svg)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(PICTURE_MAX);
    _cleanup_code_ QRcode *code = NULL;

    if (arena == NULL || ret_svg == NULL)
        return DW_ERR_ARGUMENT;
    TRY(encode(text, &code));
    const int side = code->width + 2 * QUIET_ZONE;

    buffer_printf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
                      "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"", side, side, side, side);
    for (int y = 0; y < code->width; y++)
        for (int x = 0; x < code->width; x++)
            if (is_dark(code, x, y))
                buffer_printf(&b, "M%d %dh1v1h-1z", x + QUIET_ZONE, y + QUIET_ZONE);
    buffer_append_literal(&b, "\"/></svg>\n");
    return copy_out(&b, arena, ret_svg);
}
